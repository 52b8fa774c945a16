"""Rewriting of a rendered message: links that are followed, the pixel and the hidden link.

The HTML is read by one regular expression, and nothing but the values of `href` changes. It reads
attributes as HTML 5 does; a tag that it cannot read is left alone. Links inside of the conditional
comments that Outlook reads are links; those inside of other comments are not.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable, Collection
from typing import Final

from journeys.links.message_urls import LONGEST_TARGET, PATHS, SHORT_PATH, MessageUrls
from journeys.links.targets import Target, add_parameters, campaign_of, clean_url
from journeys.links.tokens import MAX_INDEX
from journeys.model.tracking import Utm

_VALUE: Final = r"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^\s>"'][^\s>]*+)"""
_ATTRIBUTE: Final = rf"[^\s/>][^\s/>=]*+(?:\s*+=\s*+{_VALUE})?+"
# What is read is consumed, also of a tag that does not end, so each character is read once.
_SCANNED: Final = re.compile(
    rf"""
    <(?:
        !--(?!\[if\b)(?:-?>|.*?(?:--!?>|\Z))
      | (?P<raw>(?i:style|script|title|textarea|xmp|noembed))(?=[\s/>])
        (?:[\s/]++|{_ATTRIBUTE})*+(?:>.*?(?:</(?i:(?P=raw))(?=[\s/>])|\Z))?
      | (?P<end>/(?i:body)\s*+>)
      | (?P<tag>[aA](?:[rR][eE][aA])?|[vV]:[a-zA-Z]++)(?=[\s/])
        (?P<attributes>(?:[\s/]++|{_ATTRIBUTE})*+)(?P<closed>>)?
    )
    """,
    re.DOTALL | re.VERBOSE,
)
_ATTRIBUTES: Final = re.compile(rf"(?P<name>[^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?P<value>{_VALUE}))?+")
_OFF: Final[dict[str, frozenset[str] | None]] = {
    "data-track": frozenset({"off", "false", "0"}),
    "clicktracking": frozenset({"off", "false", "0"}),
    "ses:no-track": None,
}
"""Attributes that leave a link alone, with the values that do; None: any value does."""

_IN_TEXT: Final = re.compile(r"""https?://[^\s<>"]+""", re.IGNORECASE)
_AFTER_URL: Final = ".,;:!?'*_"
_CLOSING: Final = {")": "(", "]": "[", "}": "{"}

_SPECIAL: Final = re.compile("[&<>\"']")

PIXEL: Final = (
    '<img src="{}" width="1" height="1" alt="" border="0"'
    ' style="display:block;width:1px;height:1px;border:0;overflow:hidden" />'
)
HIDDEN_LINK: Final = (
    '<a href="{}" rel="nofollow" tabindex="-1" aria-hidden="true"'
    ' style="display:none;mso-hide:all"></a>'
)
"""A link that is shown to no reader and read out to none: only a robot follows it."""

_OURS: Final = tuple({*PATHS.values(), SHORT_PATH})

MakeUrl = Callable[[str], str | None]


def rewrite_html(html: str, urls: MessageUrls, *, clicks: bool, opens: bool, utm: Utm) -> str:
    """The HTML with its links followed, and with what sees opens before the end of its body.

    Links to pages of the message itself, to places in it and to other things than web pages stay,
    as do those with `data-track="off"`.
    """
    make = _maker(urls, clicks, utm)
    if make is None and not opens:
        return html
    edits: list[tuple[int, int, str]] = []
    end = len(html)
    for found in _SCANNED.finditer(html):
        if found["end"] is not None:
            end = found.start()
        elif found["closed"] is not None and make is not None:
            place, off = _href(html, found)
            if off:
                continue
            url = None if place is None else _url_of(html[place[0] : place[1]])
            made = None if url is None else make(url)
            if place is not None and made is not None:
                edits.append((*place, f'"{_escaped(made)}"'))
    added = HIDDEN_LINK.format(entities.escape(urls.hidden)) if clicks else ""
    added += PIXEL.format(entities.escape(urls.open)) if opens else ""
    if added:
        edits.append((end, end, added))
        edits.sort()
    return _edited(html, edits)


def links_left_alone(html: str) -> frozenset[str]:
    """The URLs of links that an attribute such as `data-track="off"` leaves alone."""
    lower = html.lower()
    if not any(name in lower for name in _OFF):
        return frozenset()
    found: set[str] = set()
    for tag in _SCANNED.finditer(html):
        if tag["closed"] is not None:
            place, off = _href(html, tag)
            url = _url_of(html[place[0] : place[1]]) if off and place is not None else None
            if url is not None:
                found.add(url)
    return frozenset(found)


def rewrite_text(
    text: str,
    urls: MessageUrls,
    *,
    clicks: bool,
    utm: Utm,
    left_alone: Collection[str] = (),
) -> str:
    """The plain text with its links followed, and with campaign parameters.

    `left_alone` are URLs that stay: those that the HTML of the same message leaves alone.
    """
    make = _maker(urls, clicks, utm)
    if make is None:
        return text
    return _rewrite_urls(text, lambda url: None if url in left_alone else make(url))


def rewrite_sms(
    text: str, urls: MessageUrls, *, clicks: bool, utm: Utm
) -> tuple[str, dict[str, Target]]:
    """The text message with short links, and the target of each of their codes.

    They have to be stored before the message goes out. A link that would not get shorter stays.
    """
    targets: dict[str, Target] = {}
    campaign = campaign_of(utm)

    def make(url: str) -> str | None:
        target = campaign.target(url)
        if not clicks or len(targets) > MAX_INDEX:
            return None if not target.parameters else add_parameters(url, target.parameters)
        if len(target.text.encode()) > LONGEST_TARGET:
            return None
        code = urls.code(target.text)
        targets[code] = target
        return urls.short(code)

    def unless_ours(url: str) -> str | None:
        return None if _is_ours(url, urls) else make(url)

    return _rewrite_urls(text, unless_ours), targets


def _maker(urls: MessageUrls, clicks: bool, utm: Utm) -> MakeUrl | None:
    """What makes a message's URL of an author's; None if it would change none."""
    campaign = campaign_of(utm)
    if not clicks and not utm.parameters():
        return None
    index = -1

    def make(url: str) -> str | None:
        nonlocal index
        if _is_ours(url, urls):
            return None
        target = campaign.target(url)
        if not clicks or index >= MAX_INDEX or len(target.text.encode()) > LONGEST_TARGET:
            return add_parameters(url, target.parameters) if target.parameters else None
        index += 1
        return urls.click(index, target.text)

    return make


def _is_ours(url: str, urls: MessageUrls) -> bool:
    """Whether it is a page of a message, which is signed already."""
    return url.startswith(urls.public_url) and url[len(urls.public_url) :].startswith(_OURS)


def _href(html: str, tag: re.Match[str]) -> tuple[tuple[int, int] | None, bool]:
    """Where the value of the tag's `href` stands, with its quotes, and whether it is left alone."""
    place: tuple[int, int] | None = None
    named = left_alone = False
    for attribute in _ATTRIBUTES.finditer(html, *tag.span("attributes")):
        name = attribute["name"].lower()
        value = attribute["value"]
        if name == "href":
            # A browser reads the first of two.
            if not named and value is not None:
                place = attribute.span("value")
            named = True
        elif name in _OFF:
            off = _OFF[name]
            if off is None or (value or "").strip("\"' ").lower() in off:
                left_alone = True
    return place, left_alone


def _url_of(value: str) -> str | None:
    """The URL of an attribute's value; None if it leads to no page of the web."""
    text = value[1:-1] if value[0] in "\"'" else value
    return clean_url(entities.unescape(text) if "&" in text else text)


def _escaped(url: str) -> str:
    return entities.escape(url) if _SPECIAL.search(url) else url


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    done = 0
    for start, stop, replacement in edits:
        parts += (text[done:start], replacement)
        done = stop
    parts.append(text[done:])
    return "".join(parts)


def _rewrite_urls(text: str, make: MakeUrl) -> str:
    edits: list[tuple[int, int, str]] = []
    for found in _IN_TEXT.finditer(text):
        written = _without_punctuation(found.group())
        url = clean_url(written)
        made = None if url is None else make(url)
        if made is not None:
            edits.append((found.start(), found.start() + len(written), made))
    return _edited(text, edits)


def _without_punctuation(url: str) -> str:
    """The URL without the sentence's punctuation and without a bracket that was opened before."""
    end = len(url)
    unopened = {
        closing: url.count(closing) - url.count(opening) for closing, opening in _CLOSING.items()
    }
    while end:
        last = url[end - 1]
        if last in _CLOSING and unopened[last] > 0:
            unopened[last] -= 1
        elif last not in _AFTER_URL:
            break
        end -= 1
    return url[:end]
