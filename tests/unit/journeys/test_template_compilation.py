"""Compilation of templates: Liquid survives, styles are inlined, and bounds hold before parsers."""

from __future__ import annotations

import re
import threading
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.model.documents import Template
from journeys.templating.compilation import Compiled, compile_template
from journeys.templating.contents import Content, choose_locale
from journeys.templating.html_to_text import text_of_html
from journeys.templating.liquid import render

LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
NOTHING = re.compile("a^")


def template(**fields: Any) -> Template:
    return Template.model_validate({"template": "t", **fields})


def compiled(*templates: Template) -> Compiled:
    return compile_template(templates[0], {each.key: each for each in templates})


def content(*templates: Template) -> Content:
    found = compiled(*templates)
    assert found.flaws == []
    return found.contents[""]


def html_of(source: str, **fields: Any) -> str:
    html = content(template(html=source, **fields)).html
    assert html is not None
    return html


def flaw(*templates: Template) -> str:
    [found] = compiled(*templates).flaws
    return found.message


# ------------------------------------------------------------------------ Liquid is kept

OUTPUTS = st.sampled_from(
    ["{{ a }}", "{{- a -}}", "{{ a | append: '\"' }}", "{{ a | default: \"<b>\" }}", "{{ a.b[0] }}",
     "{{ a\n| upcase }}", "{% raw %}{{ x }}<{% endraw %}", "{{ '>' }}",
     "{{ a | replace: '&', '' }}"]
)  # fmt: skip
WORDS = st.sampled_from(["word", "&amp; more", "é 😀", "&nbsp;", "a  b", "1 &lt; 2", "x/y"])


@st.composite
def inline(draw: st.DrawFn, depth: int = 0) -> str:
    """Text with Liquid: in texts, in attributes, around elements and in comments."""
    form = draw(st.integers(0, 7 if depth < 3 else 2))
    if form == 0:
        return draw(WORDS)
    if form == 1:
        return draw(OUTPUTS)
    if form == 2:
        return f"<!--[if mso]>{draw(OUTPUTS)}<![endif]--><!-- {draw(OUTPUTS)} -->"
    inside = "".join(draw(st.lists(inline(depth + 1), max_size=3)))
    if form == 3:
        return f"{{% if a %}}{inside}{{% else %}}{draw(WORDS)}{{% endif %}}"
    if form == 4:
        return f'<a href="https://x.example/{draw(OUTPUTS)}?a=1&amp;b={draw(OUTPUTS)}">{inside}</a>'
    if form == 5:
        return f'<b {{% if a %}}class="k"{{% else %}}class="l"{{% endif %}} id="i">{inside}</b>'
    if form == 6:
        return f'<span class="k" style="width: {draw(OUTPUTS)}px">{inside}</span>'
    row = f"{{% for i in a %}}<tr><td>{{{{ i }}}}</td><td>{inside}</td></tr>{{% endfor %}}"
    return f"<table>{row}</table>"


STYLED = (
    "<html><head><style>.k { color: red } td { padding: 1px }</style></head><body>%s</body></html>"
)


@settings(max_examples=60, deadline=None)
@given(st.lists(inline(), max_size=4).map("".join))
def test_liquid_survives_the_inlining_of_styles(source: str) -> None:
    assert LIQUID.findall(html_of(STYLED % source)) == LIQUID.findall(source)


@settings(max_examples=60, deadline=None)
@given(st.lists(inline(), max_size=4).map("".join), st.sampled_from(["mj-text", "mj-raw"]))
def test_liquid_survives_the_compilation_of_mjml(source: str, element: str) -> None:
    wrapped = f"<{element}>{source}</{element}>"
    if element == "mj-text":
        wrapped = (
            f'<mj-section css-class="{{{{ b }}}}"><mj-column>{{% if a %}}{wrapped}{{% endif %}}'
            '<mj-image src="https://x.example/{{ b }}" alt="{{ b }}" href="{{ b }}" />'
            "</mj-column></mj-section>"
        )
    body = f"<mj-body>{{% unless a %}}{wrapped}{{% endunless %}}</mj-body>"
    head = "<mj-head><mj-style>.k { color: {{ b }} }</mj-style></mj-head>"
    html = content(template(mjml=f"<mjml>{head}{body}</mjml>")).html
    assert html is not None
    assert "<mj-" not in html

    def kept(text: str) -> list[str]:
        # Attributes of MJML and styles go where they are needed, more than once.
        return [piece for piece in LIQUID.findall(text) if piece != "{{ b }}"]

    assert kept(html[html.index("<body") :]) == kept(body)
    assert html.count("{{ b }}") >= body.count("{{ b }}")


def test_both_branches_of_an_attribute_stay() -> None:
    source = STYLED % '<i {% if a %}class="k"{% else %}class="l"{% endif %} class="m">x</i>'
    assert '<i class="m" {% if a %}class="k"{% else %}class="l"{% endif %}>x</i>' in html_of(source)


@pytest.mark.parametrize(
    "style",
    ["color: blue;{{ more }}", "{{ all }}", "{% if a %}color: blue{% else %}width: 1px{% endif %}",
     "width: {{ w }}px; {% if a %}color: blue; margin: 0{% endif %}; top: 1px", "{{ n }}: 1px"],
)  # fmt: skip
def test_liquid_stands_anywhere_in_a_style(style: str) -> None:
    html = html_of(f'<style>i {{ left: 2px }}</style><i style="{style}">x</i>')
    found = re.search('<i style="(.*?)">', html)
    assert found is not None
    assert re.sub(r"\s", "", found[1]).removeprefix("left:2px;") == re.sub(r"\s", "", style)


@pytest.mark.parametrize(
    "body", ["<table>{% if a %}<i>x</i>{% endif %}</table>", "<p>{% if a %}<b><p>x</b>{% endif %}"]
)
def test_styles_are_not_inlined_where_liquid_would_lose_its_place(body: str) -> None:
    source = f"<style>i {{ left: 2px }}</style>{body}"
    made = content(template(html=source))
    assert (made.html, made.not_inlined) == (source, True)


def test_html_without_style_sheets_stays_as_it_was_written() -> None:
    source = "<p CLASS=a>Hi {{ name }}<br><table><tr>{% if a %}<td>x{% endif %}</table>"
    assert html_of(source) == source


def test_styles_are_inlined_and_what_can_not_be_stays_in_the_head() -> None:
    html = html_of(
        "<html><head><style>p { color: {{ c }} } p:hover { color: blue }"
        " @media (max-width: 1px) { p { color: green } }</style>"
        '<style>{% if x %}b { color: red }{% endif %}</style><link rel="stylesheet" href="/etc/x">'
        "</head><body><p>x</p><b>y</b></body></html>"
    )
    assert '<p style="color: {{ c }};">x</p>' in html
    assert "p:hover { color: blue; }" in html
    assert "@media (max-width: 1px) { p { color: green } }" in html
    assert "<style>{% if x %}b { color: red }{% endif %}</style>" in html
    assert "<b>y</b>" in html
    assert '<link rel="stylesheet" href="/etc/x">' in html


def test_a_preheader_is_hidden_at_the_head_of_the_body() -> None:
    html = html_of("<html><body><p>x</p></body></html>", preheader="<{{ a }}> & more")
    begin = html.index("<body>") + len("<body>")
    assert html[begin:].startswith('<div style="display:none;')
    assert "&lt;{{ a }}&gt; &amp; more" in html
    assert content(template(html="<p>x</p>", preheader="secret")).text == "x"


# ------------------------------------------------------------------------ inclusion


def test_parameters_of_a_partial_are_values_in_it() -> None:
    button = Template.model_validate(
        {"template": "button", "html": '<a href="{{ url }}">{{ label }}</a>'}
    )
    page = template(html="{% render 'button', label: 'Buy, now', url: entry.url %}")
    html = content(page, button).html
    assert html is not None
    assert render(html, {"entry": {"url": "https://x.example/?a&b"}}, html=True) == (
        '<a href="https://x.example/?a&amp;b">Buy, now</a>'
    )


def test_layouts_stand_in_layouts_and_html_stands_in_mjml() -> None:
    outer = Template.model_validate(
        {
            "template": "outer",
            "mjml": "<mjml><mj-body>{{ content }}</mj-body></mjml>",
            "text": "[{{ content }}]",
        }
    )
    inner = Template.model_validate(
        {
            "template": "inner",
            "layout": "outer",
            "mjml": (
                "<mj-section><mj-column><mj-text>{{ content }}</mj-text></mj-column></mj-section>"
            ),
        }
    )
    page = template(layout="inner", html="<p>unclosed <br> {{ a }}", text="T")
    made = content(page, inner, outer)
    assert made.html is not None
    assert "<p>unclosed <br> {{ a }}" in made.html
    assert "<mj-" not in made.html
    assert made.text == "[T]"


@pytest.mark.parametrize(
    ("layout", "page", "message"),
    [
        ({"html": "{{ content }}"}, {"mjml": "<mj-section/>"}, "MJML can't stand in the layout"),
        ({"html": "{{ content }}"}, {"html": "<body>x</body>"}, "a whole document can't stand"),
        ({"html": "x"}, {"html": "x"}, "the layout `l` has no {{ content }} in its `html`"),
        ({"html": "{{ content }}{{content}}"}, {"html": "x"}, "more than one {{ content }}"),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(
    layout: dict[str, str], page: dict[str, str], message: str
) -> None:
    around = Template.model_validate({"template": "l", **layout})
    assert message in flaw(template(layout="l", **page), around)


def test_what_is_included_is_bounded() -> None:
    parts = [template(template="t0", html="x" * 1000)]
    parts += [
        Template.model_validate({"template": f"t{n}", "html": f"{{% render 't{n - 1}' %}}" * 10})
        for n in range(1, 8)
    ]
    began = process_time()
    assert "is longer than 500,000 characters" in flaw(*reversed(parts))
    assert process_time() - began < 2


# ------------------------------------------------------------------------ languages


@pytest.mark.parametrize(
    ("locale", "chosen"),
    [("fr-CA", "fr-CA"), ("fr_ca", "fr-CA"), ("fr-FR", "fr"), ("FR", "fr"), ("frr", ""),
     ("de", ""), (None, ""), ("zh-Hant-TW", "zh-Hant")],
)  # fmt: skip
def test_the_nearest_language_is_chosen(locale: str | None, chosen: str) -> None:
    assert choose_locale(locale, ["", "fr", "fr-CA", "zh-Hant"]) == chosen


def test_a_language_takes_each_text_that_it_lacks_from_the_next() -> None:
    made = compiled(
        template(
            subject="S", html="<p>H</p>", text="T", sms="M",
            locales={"fr": {"html": "<p>fr</p>"}, "fr-CA": {"subject": "CA"}},
        )
    ).contents  # fmt: skip
    # A text belongs to its HTML: the French one is not given the English text.
    assert (made["fr"].subject, made["fr"].text, made["fr"].sms) == ("S", "fr", "M")
    assert (made["fr-CA"].subject, made["fr-CA"].html) == ("CA", "<p>fr</p>")
    assert made[""].text == "T"


# ------------------------------------------------------------------------ bounds


@pytest.mark.parametrize(
    "fields",
    [
        {"html": "<style>p{}</style>" + "<div>" * 20_000},
        {"html": "<style>p{}</style>" + "<div>" * 5_000 + "</div>" * 5_000},
        {"html": "<style>p{}</style>" + "<b>" * 201},
        {"html": "<style>p{}</style>" + "<ul><li>" * 5_000},
        {"html": "<style>p{}</style>" + "<table><tr><td></div>" * 5_000},
        {"html": "<style>p{}</style>" + "<b><i>" * 95 + "<p>x" * 60_000},
        {"mjml": "<mjml><mj-body>" + "<mj-wrapper>" * 5_000},
        {"mjml": "<mj-section>" + "<mj-column>" * 5_000},
        {"mjml": "<mj-raw>" + "<div>" * 20_000 + "</div>" * 20_000 + "</mj-raw>"},
        {"mjml": "<mj-raw>" + "<li>" * 20_000 + "</mj-raw>"},
    ],
)  # fmt: skip
def test_nesting_is_bounded_before_a_compiler_sees_it(fields: dict[str, str]) -> None:
    began = process_time()
    assert flaw(template(**fields)) == (
        "elements are nested more than 200 deep; close them, or make it simpler"
    )
    assert process_time() - began < 2


def test_what_the_bounds_allow_is_compiled_in_a_thread() -> None:
    deep = "<style>div { color: red }</style>" + "<div>" * 199 + "</div>" * 199
    wrapped = "<mj-wrapper>" * 150 + "</mj-wrapper>" * 150
    made: list[Compiled] = []

    def compile_both() -> None:
        made.append(compiled(template(html=deep)))
        made.append(compiled(template(mjml=wrapped)))

    thread = threading.Thread(target=compile_both)
    thread.start()
    thread.join()
    assert [each.flaws for each in made] == [[], []]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"html": "x" * 500_001}, "is longer than 500,000 characters"),
        ({"html": "<style>p{}</style><p"}, "the tag `<p` has no end"),
        ({"html": "<style>p{}"}, "`<style>` has no end"),
        ({"html": "<style>p{</style>"}, None),
        ({"html": "<style>p{}</style><p style='{'>x"}, "the style sheet can't be read"),
        ({"html": "<!-- x"}, "a comment has no end"),
        ({"html": "{{ a"}, "`{{` has no end"),
        ({"mjml": "<mj-section><mj-column></mj-section>"}, "the MJML"),
        ({"mjml": "<mj-include path='/etc/passwd' />"}, "`mj-include` reads files"),
        ({"mjml": "<mj-section><mj-txt>x</mj-txt></mj-section>"}, "no element <mj-txt>"),
        (
            {"mjml": '<mj-section><mj-column width="{{ w }}%"></mj-column></mj-section>'},
            "`{{ w }}` can't stand there: MJML leaves it out",
        ),
        ({"html": "{% render a %}"}, "write {% render 'KEY' %}"),
        ({"html": "{% render 'a' with b %}"}, "write {% render 'KEY' %}"),
    ],
)
def test_what_can_not_be_compiled_is_said(fields: dict[str, str], message: str | None) -> None:
    found = compiled(template(**fields)).flaws
    if message is None:
        assert found == []
    else:
        assert message in found[0].message


# ------------------------------------------------------------------------ texts of HTML


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One  two\nthree</p><p>Four</p>", "One two three\n\nFour"),
        ('<a href="https://x.example/">Go on</a>', "Go on (https://x.example/)"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@b.c">write</a> <a href="#top">up</a>', "write (a@b.c) up"),
        ('<a href="https://x.example"><img src="b.png" alt="Buy"></a>', "Buy (https://x.example)"),
        ("<ul><li>a<li>b<ol><li>c</li><li>d</li></ol></ul>", "- a\n- b\n\n  1. c\n  2. d"),
        (
            "<table><tr><th>Tea</th><td>4</td></tr><tr><td>Pot</td><td>30</td></tr></table>",
            "Tea | 4\nPot | 30",
        ),
        (
            '<table role="none"><td><table><tr><td>a</td><td>b</td></tr></table></td><td>c</table>',
            "a | b\n\nc",
        ),
        ("<head><title>T</title><style>p{}</style></head><h1>H</h1>x", "H\n\nx"),
        ('<div style="display: none">secret<br></div>seen<script>x()</script>', "seen"),
        ("a<br>b<hr>c", "a\nb\n\n---\n\nc"),
        ("&lt;b&gt; &amp; &euro;&nbsp;5", "<b> & € 5"),
        ("<img src=x><p> </p>", ""),
    ],
)
def test_the_text_of_html(html: str, text: str) -> None:
    assert text_of_html(html, NOTHING) == text


def test_liquid_stays_in_the_text_that_is_made() -> None:
    made = content(
        template(
            html="<p>Hi {{ a }}</p>{% if b %}<ul>{% for c in d %}<li>{{ c }}</li>{% endfor %}</ul>"
            '{% endif %}<a href="{{ u }}">go</a><!-- {{ hidden }} -->'
        )
    )
    assert made.text_made
    assert made.text is not None
    values = {"a": "<A>", "b": True, "d": ["1", "2"], "u": "https://x.example/?a=1&b=2"}
    lines = [line for line in render(made.text, values).split("\n") if line.strip()]
    assert lines == ["Hi <A>", "- 1", "- 2", "go (https://x.example/?a=1&b=2)"]
    assert set(made.reads) == {"a", "b", "d", "u", "hidden"}
