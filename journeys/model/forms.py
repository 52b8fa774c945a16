"""Forms: what strangers may fill in on a page, and what it becomes of a contact."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from journeys.model.brands import normalise_locale
from journeys.model.contact_fields import CONTACT_FIELDS, EXTERNAL_ID, check_locale
from journeys.model.unions import closest_match
from journeys.model.values import DocumentModel, Key, Name, Text

FieldType = Literal["text", "email", "phone", "date", "choice", "checkbox"]

MOST_FIELDS: Final = 50
MOST_OPTIONS: Final = 300
MOST_ORIGINS: Final = 20
LINE_LIMIT: Final = 500
"""Characters of a field of one line."""
LINES_LIMIT: Final = 5_000
"""Characters of a field of several lines."""
RESERVED: Final = frozenset({"form", EXTERNAL_ID})
"""Names that the event of a submission, or the contact, has for something else."""

_LONGEST: Final = 2_000
_FIELD_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?", re.ASCII)
_URL: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?][!-~]*)?", re.ASCII)
_NOT_IN_URLS: Final = re.compile(r"[<>\"'`\\{}|^]")
_TYPES_OF_ADDRESSES: Final[dict[str, FieldType]] = {"email": "email", "phone": "phone"}


def _words(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST:
        raise ValueError(f"a text has between 1 and {_LONGEST} characters")
    return text


def _field_name(text: str) -> str:
    if _FIELD_NAME.fullmatch(text) is None:
        raise ValueError(
            f"`{text[:80]}` is not the name of a field; write a letter, then letters, digits and _"
        )
    definition = next((each for name, each in CONTACT_FIELDS.items() if name == text), None)
    if text in RESERVED or (definition is not None and definition.operate_only):
        raise ValueError(f"a form cannot set `{text}`; give the field another name")
    return text


def _origin(text: str) -> str:
    if _ORIGIN.fullmatch(text) is None or len(text) > _LONGEST:
        raise ValueError(f"`{text[:80]}` is not an origin; write https://www.example.com")
    return text


def _url(text: str) -> str:
    if len(text) > _LONGEST or _URL.fullmatch(text) is None or _NOT_IN_URLS.search(text):
        raise ValueError(
            f"`{text[:80]}` is not the address of a page; write https://example.com/thanks"
        )
    return text


def _language(text: str) -> str:
    return normalise_locale(check_locale(text))


Words = Annotated[Text, AfterValidator(_words)]
"""A text that visitors read."""
FieldKey = Annotated[Text, AfterValidator(_field_name)]
Language = Annotated[Text, AfterValidator(_language)]


class Thanks(DocumentModel):
    """What follows a submission: a text, or another page."""

    text: Words | None = None
    url: Annotated[Text, AfterValidator(_url)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.url is None):
            raise ValueError("`thanks` needs either `text` or `url`")
        return self


class FormWords(DocumentModel):
    """The texts of a form; those that are missing are built in."""

    title: Name | None = None
    intro: Words | None = None
    button: Name | None = None
    consent: Words | None = None
    """What a visitor agrees to, for the topic; it is kept with the consent."""
    thanks: Thanks | None = None


class FieldWords(DocumentModel):
    """The texts of a field in another language."""

    label: Name | None = None
    hint: Words | None = None
    options: dict[Name, Name] = Field(default_factory=dict)
    """Labels of options, by the option."""


class FormLocale(FormWords):
    """The texts of a form in another language."""

    fields: dict[Text, FieldWords] = Field(default_factory=dict)


class FormField(DocumentModel):
    """A field of a form, which becomes the attribute of its name."""

    name: FieldKey
    label: Name
    type: FieldType = "text"
    required: bool = False
    hint: Words | None = None
    options: Annotated[list[Name], Field(max_length=MOST_OPTIONS)] = Field(default_factory=list)
    """Of a choice: what can be chosen."""
    lines: Annotated[int, Field(ge=2, le=30)] | None = None
    """Of a text: how many lines are shown; None: it has one."""
    links: bool = False
    """Of a text: whether it may hold web addresses. Robots write them into names, which mails
    repeat."""
    keep: Literal["contact", "event"] = "contact"
    """Whether it becomes an attribute, or stands in the event alone."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.type == "choice") != bool(self.options):
            raise ValueError("a choice needs `options`, and no other field has them")
        if len({*self.options}) < len(self.options):
            raise ValueError("an option stands twice in `options`")
        if self.type != "text" and (self.lines is not None or self.links):
            raise ValueError("`lines` and `links` are for fields of the type text")
        wanted = _TYPES_OF_ADDRESSES.get(self.name)
        if wanted is not None and self.type != wanted:
            raise ValueError(f"the field `{self.name}` is of the type {wanted}")
        if self.name in CONTACT_FIELDS and wanted is None and self.type not in ("text", "choice"):
            raise ValueError(f"the field `{self.name}` is of the type text or choice")
        return self

    @property
    def limit(self) -> int:
        """Characters that it may have."""
        return LINE_LIMIT if self.lines is None else LINES_LIMIT


class Form(FormWords):
    """A form that visitors fill in, on its own page or on another."""

    kind: ClassVar[Literal["form"]] = "form"
    form: Key
    language: Language = "en"
    """The language of its texts."""
    brand: Key | None = None
    """The brand of its page; None: that of its topic, else the one called `default`."""
    topic: Key | None = None
    fields: Annotated[list[FormField], Field(min_length=1, max_length=MOST_FIELDS)]
    consent_box: Literal["optional", "required"] | None = None
    """A box that must, or may, be ticked for the consent; None: the button gives it."""
    frames: Annotated[
        list[Annotated[Text, AfterValidator(_origin)]], Field(max_length=MOST_ORIGINS)
    ] = Field(default_factory=list)
    """The origins of pages that may show it in a frame."""
    locales: dict[Language, FormLocale] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of the document."""
        return self.form

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        names = [field.name for field in self.fields]
        doubled = next((name for name in names if names.count(name) > 1), None)
        if doubled is not None:
            raise ValueError(f"the field `{doubled}` stands twice")
        if self.topic is None:
            consents = [self.consent, self.consent_box, *(each.consent for each in self._others)]
            if any(consents):
                raise ValueError("a consent is to a `topic`; name it")
        elif not any(field.required and field.name in _TYPES_OF_ADDRESSES for field in self.fields):
            raise ValueError(
                "a `topic` needs an address: a field `email` or `phone` that is `required`"
            )
        self._check_locales(names)
        return self

    @property
    def _others(self) -> Sequence[FormLocale]:
        return [*self.locales.values()]

    def _check_locales(self, names: list[str]) -> None:
        options = {field.name: field.options for field in self.fields}
        for locale, words in self.locales.items():
            for name, own in words.fields.items():
                if name not in options:
                    raise ValueError(f"`{locale}`: there is no field `{name}`{_meant(name, names)}")
                for option in own.options:
                    if option not in options[name]:
                        hint = _meant(option, options[name])
                        raise ValueError(f"`{locale}`: `{name}` has no option `{option}`{hint}")

    def field(self, name: str) -> FormField:
        """A field by its name. Raises KeyError."""
        found = next((field for field in self.fields if field.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def locale_for(self, wanted: Sequence[str]) -> str:
        """The locale of the texts for a visitor who reads these languages, the first one best."""
        for each in wanted:
            try:
                locale = _language(each)
            except ValueError:
                continue
            language = locale.partition("-")[0]
            if locale in self.locales or locale == self.language:
                return locale
            if language in self.locales:
                return language
            if language == self.language.partition("-")[0]:
                return self.language
        return self.language

    def words(self, locale: str) -> FormWords:
        """The texts in a locale, where it has its own."""
        own = self.locales.get(locale)
        general = self.locales.get(locale.partition("-")[0])
        found = {
            name: next(
                (
                    value
                    for words in (own, general, self)
                    if words is not None and (value := getattr(words, name)) is not None
                ),
                None,
            )
            for name in FormWords.model_fields
        }
        return FormWords(**found)

    def field_words(self, field: FormField, locale: str) -> FieldWords:
        """The texts of a field in a locale, with a label for each option."""
        label, hint = field.label, field.hint
        options = {option: option for option in field.options}
        for each in (locale.partition("-")[0], locale):
            own = self.locales[each].fields.get(field.name) if each in self.locales else None
            if own is not None:
                label, hint = own.label or label, own.hint or hint
                options.update(own.options)
        return FieldWords(label=label, hint=hint, options=options)

    @property
    def thanks_origins(self) -> list[str]:
        """The origins of the pages that follow a submission."""
        every = [self.thanks, *(each.thanks for each in self._others)]
        found = (urlsplit(each.url) for each in every if each is not None and each.url is not None)
        return list(dict.fromkeys(f"{url.scheme}://{url.netloc}" for url in found))


def _meant(word: str, words: list[str]) -> str:
    near = closest_match(word, words)
    return f"; did you mean `{near}`?" if near else ""
