"""Filters on text. In HTML, texts that count as HTML stay so, and what is put into them is escaped.

Each function gets text, and arguments of the kinds that `journeys.templating.filters` names.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from typing import Final
from urllib.parse import quote_plus, unquote_plus

from liquid.builtin.filters.extra import _ESCAPE_MAP, _ESCAPE_RE
from markupsafe import Markup, escape

from journeys.templating.budget import LONGEST_LIST, LONGEST_TEXT
from journeys.templating.failures import TemplateLimit, Unfit

_LINE_END: Final = re.compile(r"\r?\n")
_ELEMENT: Final = re.compile(r"<(script|style)(?![a-z])", re.IGNORECASE)


def _joined(value: str, other: str) -> str:
    # An escaped text is at most six times as long.
    if len(value) + len(other) > LONGEST_TEXT:
        raise TemplateLimit
    return value + other


def append(value: str, other: str) -> str:
    """`'a' | append: 'b'` is `ab`."""
    return _joined(value, other)


def prepend(value: str, other: str) -> str:
    """`'a' | prepend: 'b'` is `ba`."""
    return _joined(other, value)


def replace(value: str, old: str, new: str = "") -> str:
    """The text with each occurrence replaced."""
    inserted = len(escape(new)) if isinstance(value, Markup) else len(new)
    if len(value) + value.count(old) * max(inserted - len(old), 0) > LONGEST_TEXT:
        raise TemplateLimit
    return value.replace(old, new)


def replace_first(value: str, old: str, new: str = "") -> str:
    """The text with the first occurrence replaced."""
    return value.replace(old, new, 1)


def replace_last(value: str, old: str, new: str = "") -> str:
    """The text with the last occurrence replaced."""
    if not old:
        return _joined(value, new)
    before, found, after = value.rpartition(old)
    return before + new + after if found else value


def remove(value: str, old: str) -> str:
    """The text without any occurrence."""
    return value.replace(old, "") if old else value


def remove_first(value: str, old: str) -> str:
    """The text without the first occurrence."""
    return value.replace(old, "", 1) if old else value


def remove_last(value: str, old: str) -> str:
    """The text without the last occurrence."""
    return replace_last(value, old, "") if old else value


def split(value: str, separator: str) -> list[str]:
    """The parts of a text between separators; its characters if the separator is empty."""
    if not separator:
        if len(value) > LONGEST_LIST:
            raise TemplateLimit
        return list(value)
    if not value or value == separator:
        return []
    if separator != " " and value.count(separator) >= LONGEST_LIST:
        raise TemplateLimit
    return value.split(None if separator == " " else separator)


def truncate(value: str, length: int = 50, end: str = "...") -> str:
    """At most `length` characters, the end of a shortened text among them."""
    if len(value) <= length:
        return value
    return value[: max(length - len(end), 0)] + end


def truncatewords(value: str, count: int = 15, end: str = "...") -> str:
    """At most `count` words, at least one, then the end of a shortened text."""
    words = value.split()
    count = max(count, 1)
    joined = (Markup(" ") if isinstance(value, Markup) else " ").join(words[:count])
    return joined if len(words) <= count else joined + end


def strip_newlines(value: str) -> str:
    """The text without line breaks."""
    return _same(value, _LINE_END.sub("", value))


def newline_to_br(value: str, *, html_output: bool) -> str:
    """The text with `<br />` before each line break."""
    if html_output:
        return Markup(_LINE_END.sub("<br />\n", escape(value)))
    return _LINE_END.sub("<br />\n", value)


def squish(value: str) -> str:
    """The text with single spaces between its words."""
    return (Markup(" ") if isinstance(value, Markup) else " ").join(value.split())


def escape_html(value: str, *, html_output: bool) -> str:
    """The text with the signs of HTML escaped."""
    return escape(value) if html_output else html.escape(value)


def escape_once(value: str, *, html_output: bool) -> str:
    """The text escaped, without escaping twice what is escaped already."""
    escaped = html.escape(html.unescape(value))
    return Markup(escaped) if html_output else escaped


def strip_html(value: str) -> str:
    """The text without tags, comments, scripts and styles."""
    if "<" not in value:
        return value
    text = str(value)
    lowered = text.lower()
    kept: list[str] = []
    place = 0
    missing: set[str] = set()
    while (begin := text.find("<", place)) >= 0:
        kept.append(text[place:begin])
        end = ">"
        if text.startswith("<!--", begin):
            end = "-->"
        elif found := _ELEMENT.match(lowered, begin):
            end = f"</{found[1]}>"
        after = -1 if end in missing or len(lowered) != len(text) else lowered.find(end, begin)
        if after < 0 and end != ">":
            missing.add(end)
            end = ">"
            after = text.find(end, begin)
        if after < 0:
            after = text.find(">", begin)
            end = ">"
        if after < 0:
            place = begin
            break
        place = after + len(end)
    kept.append(text[place:])
    return _same(value, "".join(kept))


def slice_(value: str | list[object], start: int, length: int = 1) -> str | list[object]:
    """A part of a text or a list; a negative start counts from the end."""
    size = len(value)
    begin = start + size if start < 0 else start
    if begin < 0 or length <= 0:
        return value[:0]
    return value[begin : begin + length]


def url_encode(value: str, *, html_output: bool) -> str:
    """The text as a part of a URL."""
    encoded = quote_plus(value.encode("utf-8", "replace"))
    return Markup(encoded) if html_output else encoded


def url_decode(value: str) -> str:
    """The text of a part of a URL."""
    return unquote_plus(str(value))


def base64_encode(value: str) -> str:
    """The text's UTF-8 in base64."""
    return base64.b64encode(value.encode("utf-8", "replace")).decode()


def base64_url_safe_encode(value: str) -> str:
    """The text's UTF-8 in the base64 of URLs."""
    return base64.urlsafe_b64encode(value.encode("utf-8", "replace")).decode()


def base64_decode(value: str) -> str:
    """The text of a base64 in UTF-8."""
    try:
        return base64.b64decode(str(value)).decode()
    except (binascii.Error, ValueError):
        raise Unfit("is no base64 of a text") from None


def base64_url_safe_decode(value: str) -> str:
    """The text of a base64 of URLs in UTF-8."""
    try:
        return base64.urlsafe_b64decode(str(value)).decode()
    except (binascii.Error, ValueError):
        raise Unfit("is no base64 of a text") from None


def safe(value: str, *, html_output: bool) -> str:
    """The text as HTML that is not escaped."""
    return Markup(value) if html_output else value


def escapejs(value: str, *, html_output: bool) -> str:
    """The text as a part of a string literal of JavaScript."""
    escaped = _ESCAPE_RE.sub(lambda found: _ESCAPE_MAP[found.group()], str(value))
    return Markup(escaped) if html_output else escaped


def _same(value: str, changed: str) -> str:
    return Markup(changed) if isinstance(value, Markup) else changed
