"""Advice about compiled contents: what readers, mail programs and filters dislike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

from journeys.model.sms_parts import Parts, count_parts
from journeys.templating.contents import Content
from journeys.templating.pieces import pieces

LARGEST_HTML: Final = 100 * 1024
"""Bytes from which mail programs cut a message off."""
ADVICE: Final = frozenset({
    "link", "no_alt", "no_text", "no_unsubscribe", "not_inlined", "sms_encoding", "sms_parts",
    "too_large",
})  # fmt: skip
"""The codes of advice, which changes nothing about what a journey does."""
_LIQUID: Final = "\ufffc"
"""Stands for a value that is not known."""
_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "sms", "cid", "data"})


@dataclass(frozen=True, slots=True)
class Advice:
    """One piece of advice, and the text that it is about."""

    code: str
    field: str
    message: str
    hint: str | None = None


class _Elements(HTMLParser):
    """The links and images of a document."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[tuple[str, str]] = []
        self.without_alt: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        given = dict(attrs)
        if tag in ("a", "area") and "href" in given:
            self.links.append(("link", given["href"] or ""))
        if tag == "img":
            source = given.get("src") or ""
            self.links.append(("image", source))
            if "alt" not in given:
                self.without_alt.append(source)


def advice(content: Content) -> list[Advice]:
    """The advice about a content, in the order of its texts."""
    found: list[Advice] = []
    if content.html is not None:
        found += _about_html(content.html)
        if content.not_inlined:
            found.append(
                Advice(
                    "not_inlined", "html",
                    "the style sheets are not inlined: HTML moves what stands in a wrong place, and"
                    " Liquid would no longer be around it",
                    "put texts of a table into cells, and close elements in the order of opening",
                )
            )  # fmt: skip
        if content.text is None:
            found.append(
                Advice(
                    "no_text", "html", "the mail has no text: the HTML has no words",
                    "give it a `text`: some readers and all filters look at it",
                )
            )  # fmt: skip
    if content.sms is not None:
        found += _about_sms(content.sms)
    return found


def without_unsubscribe(content: Content) -> bool:
    """Whether a mail shows its reader no way to leave its topic."""
    return not {"unsubscribe_url", "preferences_url"} & set(content.reads)


def sms_parts(text: str) -> Parts:
    """The parts of a text without the values that it prints."""
    return count_parts("".join(piece.text for piece in pieces(text) if piece.kind == "text"))


def _about_html(html: str) -> Iterator[Advice]:
    size = len(html.encode())
    if size > LARGEST_HTML:
        yield Advice(
            "too_large", "html",
            f"the HTML has {size // 1024} KB; mail programs cut off what is above 100",
            "make it smaller, or put a part of it on a page",
        )  # fmt: skip
    elements = _Elements()
    elements.feed(
        "".join(piece.text if piece.kind == "text" else _LIQUID for piece in pieces(html))
    )
    elements.close()
    for word, target in elements.links:
        why = _flaw(target)
        if why is not None:
            shown = target.replace(_LIQUID, "{{…}}")
            yield Advice(
                "link", "html", f"the {word} `{shown}` {why}", "write it whole, with https://"
            )
    for source in elements.without_alt:
        shown = source.replace(_LIQUID, "{{…}}")
        yield Advice(
            "no_alt", "html", f"the image `{shown}` has no `alt`",
            'say what it shows, or write alt="" if it is decoration',
        )  # fmt: skip


def _flaw(target: str) -> str | None:
    """What is wrong with a target; None if nothing is, or it begins with a value."""
    target = target.strip()
    if not target:
        return "leads nowhere"
    if target[0] in (_LIQUID, "#"):
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return "is no URL"
    if not parts.scheme or _LIQUID in parts.scheme:
        return "is relative: a mail has no address of its own"
    if parts.scheme not in _SCHEMES:
        return f"begins with `{parts.scheme}:`, which no mail program follows"
    if parts.scheme in ("http", "https") and not parts.netloc:
        return "names no host"
    if re.search(r"\s", target):
        return "has a space in it"
    return None


def _about_sms(text: str) -> Iterator[Advice]:
    parts = sms_parts(text)
    several = f" in {parts.parts} parts" if parts.parts > 1 else ""
    if parts.encoding == "UCS-2":
        special = next(
            character
            for piece in pieces(text)
            if piece.kind == "text"
            for character in piece.text
            if count_parts(character).encoding == "UCS-2"
        )
        yield Advice(
            "sms_encoding", "sms",
            f"`{special}` (U+{ord(special):04X}) makes the whole SMS UCS-2:"
            f" {parts.characters} units{several}, and a part holds 70 or 67 instead of 160 or 153",
            "replace it, unless it is worth the price",
        )  # fmt: skip
    elif parts.parts > 1:
        yield Advice(
            "sms_parts", "sms",
            f"the SMS has {parts.characters} characters without its values: {parts.parts} parts,"
            " each of which is billed",
        )  # fmt: skip
