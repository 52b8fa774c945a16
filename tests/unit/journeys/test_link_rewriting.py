"""Rewriting of messages: only targets change, and they lead where the author's links did."""

import html as entities
import re
import time
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.links.message_urls import LONGEST_TARGET, MessageLinks, decode_target
from journeys.links.rewriting import (
    links_left_alone,
    rewrite_html,
    rewrite_sms,
    rewrite_text,
)
from journeys.links.targets import read_target
from journeys.links.tokens import LinkKeys, Token
from journeys.model.tracking import Utm

KEYS = LinkKeys(["k" * 32])
MESSAGE = UUID("0190c0de-0000-7000-8000-000000000001")
URLS = MessageLinks("https://l.example", KEYS).of(MESSAGE)
NO_UTM = Utm()


def rewritten(html: str, *, opens: bool = False, clicks: bool = True, utm: Utm = NO_UTM) -> str:
    return rewrite_html(html, URLS, clicks=clicks, opens=opens, utm=utm)


def links_of(html: str) -> list[str]:
    return [entities.unescape(found) for found in re.findall(r'(?i)href\s*=\s*"([^"]*)"', html)]


def target_of(url: str) -> tuple[str, str]:
    """The author's URL of a click, and where it leads."""
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}" == "https://l.example"
    (query,) = parse_qs(parts.query)["u"]
    text = decode_target(query)
    assert text is not None
    assert KEYS.read(parts.path.removeprefix("/l/"), text) is not None
    target = read_target(text)
    assert target is not None
    return target.url, target.location


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ('<a href="https://a.example/?a=1&amp;b=2#top">x</a>', "https://a.example/?a=1&b=2#top"),
        ("<A HREF='http://a.example/été'>x</A>", "http://a.example/été"),
        ("<a class=b href=https://a.example/x/>x</a>", "https://a.example/x/"),
        ('<a\n  href = "\n https://a.example/a b "\n>x</a>', "https://a.example/a%20b"),
        ('<area shape="rect" href="https://a.example/">', "https://a.example/"),
        ('<a title="a > b" href="https://a.example/">x</a>', "https://a.example/"),
        ('<a href="https://a.example/" href="https://b.example/">x</a>', "https://a.example/"),
        (
            '<!--[if mso]><v:roundrect href="https://a.example/"></v:roundrect><![endif]-->',
            "https://a.example/",
        ),
        (
            '<!--[if !mso]><!--><a href="https://a.example/">x</a><!--<![endif]-->',
            "https://a.example/",
        ),
        ('<!-- <a href="x"> --><a href="https://a.example/">x</a>', "https://a.example/"),
        (
            '<style>a:after{content:"<a href"}</STYLE><a href="https://a.example/">',
            "https://a.example/",
        ),
        ('<a href="HTTPS://A.example/">', "HTTPS://A.example/"),
    ],
)
def test_a_link_becomes_a_click_that_leads_to_it(written: str, url: str) -> None:
    found = [
        link for link in links_of(rewritten(written)) if link.startswith("https://l.example/l/")
    ]
    assert target_of(found[0])[0] == url
    # One link, and the hidden one.
    assert len(found) == 2


@pytest.mark.parametrize(
    "written",
    [
        '<a href="#top">x</a>',
        '<a href="mailto:a@b.example?subject=https://a.example/">x</a>',
        '<a href="tel:+33612345678">x</a>',
        '<a href="sms:+33612345678">x</a>',
        '<a href="data:text/html,x">x</a>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="/relative">x</a>',
        '<a href="//a.example/">x</a>',
        '<a href="https://[::1/">x</a>',
        '<a href="https:///x">x</a>',
        '<a href="https://a.example\uff0fevil.example/">x</a>',
        "<a href>x</a>",
        '<a href="">x</a>',
        '<a name="top">x</a>',
        '<a data-href="https://a.example/">x</a>',
        '<a href="https://a.example/" data-track="off">x</a>',
        "<a data-track=off href=https://a.example/>x</a>",
        '<a clicktracking=off href="https://a.example/">x</a>',
        '<a ses:no-track href="https://a.example/">x</a>',
        '<abbr href="https://a.example/">x</abbr>',
        '<link rel="stylesheet" href="https://a.example/a.css">',
        '<img src="https://a.example/a.png">',
        '<!-- <a href="https://a.example/">x</a> -->',
        '<style>/* <a href="https://a.example/"> */</style>',
        '<textarea><a href="https://a.example/"></textarea>',
        '<a href="https://a.example/',
        '<a href="https://a.example/"',
        f'<a href="{URLS.unsubscribe}">x</a>',
        f'<a href="{URLS.preferences}">x</a>',
        f'<a href="{URLS.confirm}">x</a>',
        f'<a href="{URLS.view}">x</a>',
        f'<a href="{URLS.click(0, "https://a.example/")}">x</a>',
        f'<a href="https://a.example/{"x" * LONGEST_TARGET}">x</a>',
    ],
)
def test_other_things_stay_as_they_are(written: str) -> None:
    body = f"<body>{written}"
    assert rewritten(body).startswith(body)


def test_nothing_is_added_when_nothing_is_tracked() -> None:
    html = '<body><a href="https://a.example/">x</a></body>'
    assert rewritten(html, clicks=False) == html
    opened = rewritten(html, clicks=False, opens=True)
    assert links_of(opened) == ["https://a.example/"]
    assert rewritten(html, clicks=True).count("<img") == 0


def test_the_pixel_and_the_hidden_link_stand_at_the_end_of_the_body() -> None:
    html = "<html><body><!-- </body> --><p>x</p></BODY ></html>"
    found = rewritten(html, opens=True)
    assert found.startswith("<html><body><!-- </body> --><p>x</p><a ")
    assert found.endswith(" /></BODY ></html>")
    assert found.index(URLS.hidden) < found.index(URLS.open)
    assert rewritten("<p>x</p>", opens=True).startswith("<p>x</p><a ")
    hidden = KEYS.read(URLS.hidden.rpartition("/")[2])
    assert hidden == Token("hidden", MESSAGE, 0)


def test_links_are_numbered_in_their_order() -> None:
    found = links_of(rewritten('<a href="https://a.example/"><a href="https://b.example/">'))
    tokens = []
    for url in found[:2]:
        parts = urlsplit(url)
        target = decode_target(parse_qs(parts.query)["u"][0])
        assert target is not None
        tokens.append(KEYS.read(parts.path.removeprefix("/l/"), target))
    assert [token and token.index for token in tokens] == [0, 1]


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://a.example", "https://a.example?utm_source=n%C3%A9ws&utm_medium=e%26m"),
        ("https://a.example/?", "https://a.example/?utm_source=n%C3%A9ws&utm_medium=e%26m"),
        (
            "https://a.example/?a=1#b",
            "https://a.example/?a=1&utm_source=n%C3%A9ws&utm_medium=e%26m#b",
        ),
        ("https://a.example/?utm_source=x", "https://a.example/?utm_source=x&utm_medium=e%26m"),
        (
            "https://a.example/?UTM_Medium=x&utm_source=",
            "https://a.example/?UTM_Medium=x&utm_source=",
        ),
        (
            "https://a.example/#utm_source=x",
            "https://a.example/?utm_source=n%C3%A9ws&utm_medium=e%26m#utm_source=x",
        ),
    ],
)
def test_campaign_parameters_are_added_unless_the_url_has_them(url: str, location: str) -> None:
    utm = Utm(source="néws", medium="e&m")
    tracked = links_of(rewritten(f'<a href="{entities.escape(url)}">', utm=utm))[0]
    assert target_of(tracked) == (url, location)
    plain = links_of(rewritten(f'<a href="{entities.escape(url)}">', clicks=False, utm=utm))[0]
    assert plain == location


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://example.com/été?q=ü#ñ", "https://example.com/%C3%A9t%C3%A9?q=%C3%BC#%C3%B1"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://a.example/%20%C3%A9?a=b+c", "https://a.example/%20%C3%A9?a=b+c"),
        ('https://a.example/"<x>\\', "https://a.example/%22%3Cx%3E%5C"),
    ],
)
def test_a_reader_is_sent_to_an_ascii_url(url: str, location: str) -> None:
    assert target_of(links_of(rewritten(f'<a href="{entities.escape(url)}">'))[0]) == (
        url,
        location,
    )


@pytest.mark.parametrize(
    "text",
    ["", " ", "javascript:alert(1)", "//a.example", "https://", "https://a.example/ a b", "a",
     "https://a.example/\r\nX: y", "http:a.example", " https://a.example/", "https://\\a.example"],
)  # fmt: skip
def test_a_signed_text_that_is_no_page_leads_nowhere(text: str) -> None:
    assert read_target(text) is None


# ------------------------------------------------------------------ an independent reading

WORDS = st.text(
    st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="<>&"), max_size=12
)
PATHS = st.text(st.sampled_from("abé/?=&;#%+~().,-_ '\""), max_size=16)
HREFS = st.one_of(
    st.builds(lambda path: f"https://a.example/{path}", PATHS),
    st.sampled_from(["#top", "mailto:a@b.example", "/x", "", "tel:+1", URLS.unsubscribe]),
)
NAMES = st.sampled_from(["class", "title", "STYLE", "data-x", "hreflang", "name"])


@st.composite
def tags(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(["a", "A", "area", "img", "p", "abbr", "td"]))
    attributes = draw(st.lists(st.tuples(NAMES, WORDS), max_size=2, unique_by=lambda each: each[0]))
    written = [f'{key}="{entities.escape(value)}"' for key, value in attributes]
    if draw(st.booleans()):
        value = entities.escape(draw(HREFS))
        quoted = draw(st.sampled_from(['"{}"', "'{}'"]))
        href = draw(st.sampled_from(["href=", "HREF = ", "href\n="])) + quoted.format(value)
        written.insert(draw(st.integers(0, len(written))), href)
    space = draw(st.sampled_from([" ", "\n", "  "]))
    return f"<{name}{space}{space.join(written)}{draw(st.sampled_from(['', ' ', ' /']))}>"


PIECES = st.one_of(
    WORDS,
    tags(),
    WORDS.map(lambda text: f"<!-- {text.replace('-', '')} -->"),
    tags().map(lambda tag: f"<!--x {tag}-->"),
    tags().map(lambda tag: f"<!--[if mso]>{tag}<![endif]-->"),
    tags().map(lambda tag: f"<style>{tag}</style>"),
    st.sampled_from(["</a>", "</p>", "<br>", "<body>", "</body>", "&nbsp;", "&lt;a href="]),
)


class Reading(HTMLParser):
    """What a parser of the standard library finds, with the links that it holds to be followed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[Any] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(("tag", tag, [self._attribute(tag, *each) for each in attrs]))

    def _attribute(self, tag: str, name: str, value: str | None) -> Any:
        if tag in ("a", "area") and name == "href" and value is not None:
            value = value.strip().replace(" ", "%20")
            if value.startswith("https://l.example/l/") and "?u=" in value:
                return name, target_of(value)[0]
        return name, value

    def handle_endtag(self, tag: str) -> None:
        self.found.append(("end", tag))

    def handle_data(self, data: str) -> None:
        self.found.append(("data", data))

    def handle_entityref(self, name: str) -> None:
        self.found.append(("entity", name))

    def handle_charref(self, name: str) -> None:
        self.found.append(("entity", name))

    def handle_comment(self, data: str) -> None:
        inner = re.fullmatch(r"\[if mso\]>(.*)<!\[endif\]", data, re.DOTALL)
        self.found.append(("comment", Reading(inner[1]).found if inner else data))


@given(st.lists(PIECES, max_size=12).map("".join))
def test_only_targets_change_for_an_independent_parser(html: str) -> None:
    found = rewritten(html)
    hidden = re.compile(rf'<a href="{re.escape(URLS.hidden)}"[^>]*></a>')
    assert len(hidden.findall(found)) == 1
    assert Reading(hidden.sub("", found)).found == Reading(html).found
    # Each link of the web that the parser sees is followed.
    expected = count_of_links(Reading(html).found)
    assert found.count('"https://l.example/l/') == expected + 1


def count_of_links(found: list[Any]) -> int:
    count = 0
    for each in found:
        if each[0] == "tag" and each[1] in ("a", "area"):
            count += any(
                name == "href" and value and value.startswith("https://a.example/")
                for name, value in each[2]
            )
        elif each[0] == "comment" and isinstance(each[1], list):
            count += count_of_links(each[1])
    return count


@given(st.text(st.sampled_from("<>!-[]/ ='\"aAvV:hrefbody\n&;"), max_size=200))
def test_any_text_is_rewritten_or_left(html: str) -> None:
    assert rewritten(html, clicks=False, opens=False) == html
    assert len(rewritten(html, opens=True)) > len(html)


@pytest.mark.parametrize(
    "piece",
    ["<a ", '<a href="', "<!--", "<style", "<style>", "<a x='", "<a x", "<a x=", "</body", "<v:a ",
     "<a href=http://x ", "<style x", "<a b='\"<a c=\"' "],
)  # fmt: skip
def test_broken_html_is_read_once(piece: str) -> None:
    begun = time.process_time()
    rewritten(piece * (200_000 // len(piece)), opens=True)
    assert time.process_time() - begun < 2


# ------------------------------------------------------------------ plain texts and text messages


def test_urls_of_a_plain_text_are_followed_without_the_sentences_punctuation() -> None:
    text = (
        "See https://a.example/x_(y). Or (https://b.example/?q=1&r=2), <https://c.example/>!\n"
        f"Leave: {URLS.unsubscribe} mailto:a@b.example http://"
    )
    found = rewrite_text(text, URLS, clicks=True, utm=NO_UTM)
    urls = re.findall(r"https://l\.example/l/[^\s)>.!,]+", found)
    assert [target_of(url)[0] for url in urls] == [
        "https://a.example/x_(y)",
        "https://b.example/?q=1&r=2",
        "https://c.example/",
    ]
    for url in urls:
        found = found.replace(url, target_of(url)[0])
    assert found == text
    assert rewrite_text(text, URLS, clicks=False, utm=NO_UTM) == text
    plain = rewrite_text("https://a.example/x.", URLS, clicks=False, utm=Utm(source="s"))
    assert dict(parse_qsl(urlsplit(plain.rstrip(".")).query)) == {"utm_source": "s"}
    assert plain.endswith("utm_source=s.")


def test_a_link_that_the_html_leaves_alone_stays_in_the_text() -> None:
    html = (
        '<a data-track="off" href="https://a.example/?x=1&amp;y=2">a</a>'
        '<a href="https://b.example/" CLICKTRACKING=off>b</a>'
        '<a href="https://c.example/" data-track="on">c</a><a data-track="off">no link</a>'
        '<!-- <a data-track="off" href="https://d.example/">d</a> -->'
    )
    alone = links_left_alone(html)
    assert alone == {"https://a.example/?x=1&y=2", "https://b.example/"}
    assert links_left_alone('<a href="https://a.example/">a</a>') == frozenset()
    text = rewrite_text(
        "a (https://a.example/?x=1&y=2), b (https://b.example/), c (https://c.example/)",
        URLS,
        clicks=True,
        utm=Utm(source="n"),
        left_alone=alone,
    )
    kept, _, followed = text.rpartition("c (")
    assert kept == "a (https://a.example/?x=1&y=2), b (https://b.example/), "
    assert target_of(followed.removesuffix(")"))[0] == "https://c.example/"


def test_a_text_message_gets_short_links() -> None:
    text = f"Hi https://a.example/{'x' * 200}?a=1, bye https://b.example/ {URLS.unsubscribe}"
    found, targets = rewrite_sms(text, URLS, clicks=True, utm=Utm(source="sms"))
    codes = re.findall(r"https://l\.example/s/([A-Za-z0-9]{10})\b", found)
    assert [targets[code].url for code in codes] == [
        f"https://a.example/{'x' * 200}?a=1",
        "https://b.example/",
    ]
    assert targets[codes[1]].location == "https://b.example/?utm_source=sms"
    assert URLS.unsubscribe in found
    assert rewrite_sms(text, URLS, clicks=True, utm=Utm(source="sms")) == (found, targets)
    other = MessageLinks("https://l.example", LinkKeys(["z" * 32])).of(MESSAGE)
    assert not set(targets) & set(rewrite_sms(text, other, clicks=True, utm=NO_UTM)[1])
    assert rewrite_sms(text, URLS, clicks=False, utm=NO_UTM) == (text, {})
