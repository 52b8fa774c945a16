"""Brands: the sender as its readers know it, and the texts of the pages in each language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from journeys.model.contact_fields import check_locale
from journeys.model.page_texts import LANGUAGES, PLACES, page_texts, text_keys
from journeys.model.unions import closest_match
from journeys.model.values import DocumentModel, Key, Name, Text

DEFAULT_BRAND: Final = "default"
"""The brand of topics that name none."""

_COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.I | re.ASCII)
_LOGO = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/[A-Za-z0-9._~/%+?&=@-]*", re.ASCII)
_PLACE = re.compile(r"\{([a-z_]*)\}")
_LONGEST: Final = 2_000
"""Characters of a text."""
_IN_ENGLISH: Final = "form_"
"""Texts that came later: they are English where a brand in a language of its own lacks them."""


def _colour(text: str) -> str:
    if _COLOUR.fullmatch(text) is None:
        raise ValueError(f'`{text}` is not a colour; write "#1f5f4a"')
    return text.lower()


def _logo(text: str) -> str:
    if len(text) > _LONGEST or _LOGO.fullmatch(text) is None:
        raise ValueError(
            f"`{text[:80]}` is not the address of an image; write https://example.com/logo.png"
        )
    return text


def _postal_address(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST:
        raise ValueError(f"an address has between 1 and {_LONGEST} characters")
    return text


def _locale(text: str) -> str:
    return normalise_locale(check_locale(text))


def _text(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST:
        raise ValueError(f"a text has between 1 and {_LONGEST} characters")
    unknown = sorted({name for name in _PLACE.findall(text) if name not in PLACES})
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in sorted(PLACES))
        raise ValueError(f"`{{{unknown[0]}}}` is not known here; a text may use {known}")
    return text


def _texts(texts: dict[str, str]) -> dict[str, str]:
    for key in texts:
        if key not in text_keys():
            near = closest_match(key, sorted(text_keys()))
            hint = f"; did you mean `{near}`?" if near else ""
            raise ValueError(f"the pages have no text `{key}`{hint}")
    return texts


def _languages(texts: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    for locale, given in texts.items():
        if _built_in(locale) is not None:
            continue
        language = locale.partition("-")[0]
        needed = {key for key in text_keys() if not key.startswith(_IN_ENGLISH)}
        lacking = sorted(needed - given.keys() - texts.get(language, {}).keys())
        if lacking:
            raise ValueError(
                f"`{locale}` is not built in, so it needs every text; it lacks {lacking[0]}"
                + (f" and {len(lacking) - 1} more" if lacking[1:] else "")
            )
    return texts


Colour = Annotated[Text, AfterValidator(_colour)]
"""`#rgb` or `#rrggbb`."""
LogoAddress = Annotated[Text, AfterValidator(_logo)]
"""`https://…` of an image, without characters that a page or a header could read otherwise."""


class Brand(DocumentModel):
    """A sender as its readers know it: on the pages behind links, and as the From of its mail."""

    kind: ClassVar[Literal["brand"]] = "brand"
    brand: Key
    name: Name
    logo: LogoAddress | None = None
    colour: Colour | None = None
    address: Annotated[Text, AfterValidator(_postal_address)] | None = None
    """The postal address, which many laws want at the foot of a page."""
    from_: Text | None = Field(default=None, alias="from")
    reply_to: Text | None = None
    texts: Annotated[
        dict[
            Annotated[Text, AfterValidator(_locale)],
            Annotated[dict[Text, Annotated[Text, AfterValidator(_text)]], AfterValidator(_texts)],
        ],
        AfterValidator(_languages),
    ] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of the document."""
        return self.brand


def normalise_locale(locale: str) -> str:
    """The locale as tags are written: `fr-CA` for `fr_ca`."""
    language, *rest = re.split("[-_]", locale)
    return "-".join(
        [language.lower(), *(part.upper() if len(part) == 2 else part.title() for part in rest)]
    )


class BrandTexts:
    """The texts of a brand in the language of a reader."""

    def __init__(self, brand: Brand | None, locales: Sequence[str | None]) -> None:
        """`locales` are those of the reader, the most wanted first. None says nothing."""
        self._own = {} if brand is None else brand.texts
        wanted = [normalise_locale(locale) for locale in locales if locale]
        found = (tag for locale in wanted if (tag := self._known(locale)) is not None)
        self.locale = next(found, LANGUAGES[0])
        """The locale of the texts, as a page says it in `lang`."""
        language = self.locale.partition("-")[0]
        built_in = page_texts(_built_in(self.locale) or LANGUAGES[0])
        self._texts = {**built_in, **self._own.get(language, {}), **self._own.get(self.locale, {})}

    def _known(self, locale: str) -> str | None:
        language = locale.partition("-")[0]
        if locale in self._own:
            return locale
        return language if language in self._own or language in LANGUAGES else None

    def text(self, key: str, /, **values: str) -> str:
        """A text with its places filled in. Raises KeyError for an unknown key."""
        return _PLACE.sub(lambda place: values.get(place[1], ""), self._texts[key])

    def html(self, key: str, /, **values: str) -> str:
        """The same as HTML, with its values set apart."""
        marked = {name: set_apart(value) for name, value in values.items()}
        return _PLACE.sub(lambda place: marked.get(place[1], ""), escape(self._texts[key]))


def set_apart(value: str) -> str:
    """A value as HTML, in which no mark of direction turns the text around it."""
    return f"<bdi>{escape(value)}</bdi>"


def _built_in(locale: str) -> str | None:
    language = locale.partition("-")[0]
    return language if language in LANGUAGES else None


def brand_of(document: Mapping[str, Any] | None) -> Brand | None:
    """The brand of a stored document; None if there is none, or if it no longer validates."""
    if document is None:
        return None
    try:
        return Brand.model_validate(document)
    except ValueError:
        return None
