"""Public pages as HTML: escaped, without scripts, and under a strict content policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final
from urllib.parse import urlsplit

from fastapi import Response

from api.public.page_style import style_of
from journeys.model.brands import Brand, BrandTexts

_RIGHT_TO_LEFT: Final = frozenset({"ar", "dv", "fa", "he", "ps", "ur", "yi"})
"""Languages that are written from right to left."""
_HIDDEN: Final = "•••"
_MESSAGE_POLICY: Final = (
    "default-src 'none'",
    "img-src https: http: data:",
    "style-src 'unsafe-inline' https:",
    "font-src https: data:",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "sandbox allow-popups allow-popups-to-escape-sandbox",
)
"""Of a message that is viewed: images and styles, and links that lead away; no scripts, no forms,
and an origin of its own."""


@dataclass(frozen=True, slots=True)
class Look:
    """Whose page it is, and in which language."""

    brand: Brand | None
    texts: BrandTexts
    host: str = ""
    """The name of the site, where there is no brand."""

    @property
    def name(self) -> str:
        """The brand as readers know it."""
        return self.brand.name if self.brand is not None else self.host


@dataclass(frozen=True, slots=True)
class Button:
    """A form of one button, which posts to the page's own address."""

    action: str
    label: str
    """HTML."""
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A box that can be ticked."""

    name: str
    value: str
    label: str
    """HTML."""
    ticked: bool
    note: str | None = None
    """HTML under the label."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Boxes under a heading."""

    legend: str
    """HTML."""
    boxes: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: what it says, and what can be done on it. Texts are HTML."""

    title: str
    paragraphs: Sequence[str] = ()
    notice: str | None = None
    buttons: Sequence[Button] = ()
    choices: Sequence[Choices] = ()
    save: str | None = None
    """The label of the button of the choices."""
    link: tuple[str, str] | None = None
    """An address and its label."""
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Hidden fields of the choices."""


def masked(address: str | None) -> str:
    """An address as it is shown on a page that anyone may see who has its link."""
    if not address:
        return _HIDDEN
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}{_HIDDEN}@{domain}"
    return f"{address[:3]}{_HIDDEN}{address[-2:]}"


@dataclass(frozen=True, slots=True)
class Framing:
    """Where a page may be shown, and where its forms may lead."""

    frames: Sequence[str] = ()
    """The origins of pages that may show it in a frame; by default none may."""
    leads_to: Sequence[str] = ()
    """The origins to which the answer to a form may send the browser."""


def page_response(page: Page, look: Look, status: int = 200) -> Response:
    """The page as a response."""
    return document_response(page.title, "".join(_body(page)), look, status)


def document_response(
    title: str,
    body: str,
    look: Look,
    status: int = 200,
    *,
    framing: Framing | None = None,
    form: bool = False,
) -> Response:
    """A page as a response; `title` and `body` are HTML. `form`: it has fields to fill in."""
    colour = look.brand.colour if look.brand is not None else None
    style, style_hash = style_of(colour, form=form)
    return Response(
        _document(title, body, look, style),
        status,
        {
            **_headers(look, style_hash, framing or Framing()),
            "Content-Language": look.texts.locale,
        },
        media_type="text/html; charset=utf-8",
    )


def message_response(html: str) -> Response:
    """A message as its author wrote it: nothing in it runs, posts, or is of this site."""
    return Response(
        html, headers=_headers_with(_MESSAGE_POLICY), media_type="text/html; charset=utf-8"
    )


def _headers(look: Look, style_hash: str, framing: Framing) -> dict[str, str]:
    policy = [
        "default-src 'none'",
        f"style-src '{style_hash}'",
        " ".join(["form-action 'self'", *framing.leads_to]),
        "base-uri 'none'",
        " ".join(["frame-ancestors", *(framing.frames or ["'none'"])]),
    ]
    if look.brand is not None and look.brand.logo is not None:
        policy.append(f"img-src https://{urlsplit(look.brand.logo).netloc}")
    headers = _headers_with(policy)
    if framing.frames:
        # It knows no lists: where it stands, browsers would refuse every frame.
        del headers["X-Frame-Options"]
    return headers


def _headers_with(policy: Sequence[str]) -> dict[str, str]:
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _document(title: str, body: str, look: Look, style: str) -> str:
    locale = escape(look.texts.locale)
    direction = "rtl" if look.texts.locale.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"
    name = escape(look.name)
    heading, title = title, _plain(title) + (f" · {name}" if name else "")
    return (
        f'<!doctype html>\n<html lang="{locale}" dir="{direction}">\n<head>\n'
        '<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex, nofollow">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f"{_header(look)}<h1>{heading}</h1>\n{body}</main>\n"
        f"{_footer(look)}</body>\n</html>\n"
    )


def _plain(html: str) -> str:
    """HTML of ours without its only element, as a title takes it."""
    return html.replace("<bdi>", "").replace("</bdi>", "")


def _header(look: Look) -> str:
    if not look.name:
        return ""
    name = escape(look.name)
    if look.brand is not None and look.brand.logo is not None:
        return f'<header><img src="{escape(look.brand.logo)}" alt="{name}"></header>\n'
    return f"<header><bdi>{name}</bdi></header>\n"


def _footer(look: Look) -> str:
    if look.brand is None or look.brand.address is None:
        return ""
    name, address = look.brand.name, look.brand.address.strip()
    lines = address if name in address else f"{name}\n{address}"
    return f"<footer>{escape(lines)}</footer>\n"


def _body(page: Page) -> Iterable[str]:
    if page.notice is not None:
        yield f'<p class="notice" role="status">{page.notice}</p>\n'
    for paragraph in page.paragraphs:
        yield f"<p>{paragraph}</p>\n"
    if page.save is not None:
        yield '<form method="post">\n'
        for name, values in page.fields.items():
            for value in values:
                yield f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">\n'
        for choices in page.choices:
            yield f"<fieldset>\n<legend>{choices.legend}</legend>\n"
            for box in choices.boxes:
                yield _box(box)
            yield "</fieldset>\n"
        yield f'<button name="action" value="save">{page.save}</button>\n</form>\n'
    for button in page.buttons:
        plain = ' class="plain"' if button.plain else ""
        yield (
            f'<form method="post"><button name="action" value="{escape(button.action)}"{plain}>'
            f"{button.label}</button></form>\n"
        )
    if page.link is not None:
        address, label = page.link
        yield f'<nav><a href="{escape(address)}">{label}</a></nav>\n'


def _box(box: Choice) -> str:
    ticked = " checked" if box.ticked else ""
    note = f"<small>{box.note}</small>" if box.note else ""
    return (
        f'<label><input type="checkbox" name="{escape(box.name)}" value="{escape(box.value)}"'
        f"{ticked}><span>{box.label}{note}</span></label>\n"
    )
