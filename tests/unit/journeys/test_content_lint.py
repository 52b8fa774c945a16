"""Advice about templates and sends, in validation."""

from __future__ import annotations

import pytest

from journeys.checks.validation import check
from journeys.source.parsing import parse

TOPIC = "topic: news\ndefault: opt_out\n---\n"


def problems(text: str) -> list[str]:
    """The problems of documents, from the line on."""
    return [str(each).removeprefix("f.yaml:") for each in check(parse(text, "f.yaml"))]


def of_html(html: str) -> list[str]:
    return problems(f"template: t\nsubject: S\nhtml: '{html}'\n")


def journey(mail: str) -> str:
    return f"journey: j\nentry: {{api: true}}\nsteps: [{{id: m, {mail}}}]\n"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/cart", "is relative: a mail has no address of its own"),
        ("www.example.com", "is relative: a mail has no address of its own"),
        ("{{ contact.a }}.html", None),
        ("https:/shop.example", "names no host"),
        ("https://shop.example/a b", "has a space in it"),
        ("javascript:alert(1)", "begins with `javascript:`, which no mail program follows"),
        ("https://[x", "is no URL"),
        ("", "leads nowhere"),
        ("#top", None),
        ("mailto:a@example.com", None),
        ("https://{{ contact.host }}/a?b={{ contact.c }}", None),
        ("{{ unsubscribe_url }}", None),
    ],
)
def test_a_link_that_leads_nowhere_is_found(target: str, why: str | None) -> None:
    shown = target.replace("{{ contact.a }}", "{{…}}")
    expected = [] if why is None else [
        f"3: warning: the link `{shown}` {why}; write it whole, with https://"
    ]  # fmt: skip
    assert of_html(f'<a href="{target}">x</a>') == expected


def test_an_image_needs_an_alt_and_a_whole_address() -> None:
    assert of_html('x<img src="https://x.example/a.png" alt="">') == []
    assert of_html('x<img src="cid:logo" alt="Logo">') == []
    assert of_html('x<img src="a.png">') == [
        f"3: warning: the image `a.png` {words}"
        for words in (
            "is relative: a mail has no address of its own; write it whole, with https://",
            'has no `alt`; say what it shows, or write alt="" if it is decoration',
        )
    ]


def test_a_mail_without_words_and_one_that_is_too_large_are_found() -> None:
    [silent] = of_html('<img src="https://x.example/a.png" alt="">')
    assert silent.startswith("3: warning: the mail has no text: the HTML has no words; give it a")
    [large] = of_html("é" * 52_000)
    assert large.startswith("3: warning: the HTML has 101 KB; mail programs cut off what is above")
    assert of_html("é" * 51_200) == []


@pytest.mark.parametrize(
    ("sms", "words"),
    [
        ("a" * 160, None),
        ("a" * 161, "the SMS has 161 characters without its values: 2 parts"),
        ("€" * 80, None),
        ("€" * 81, "the SMS has 162 characters without its values: 2 parts"),
        ("ç", "`ç` (U+00E7) makes the whole SMS UCS-2: 1 units, and a part holds 70 or 67"),
        ("ê" + "a" * 70, "`ê` (U+00EA) makes the whole SMS UCS-2: 71 units in 2 parts"),
        ("a" * 150 + "{{ contact.name | append: 'ê' }}", None),
    ],
)
def test_the_parts_of_an_sms_are_counted(sms: str, words: str | None) -> None:
    found = problems(f'template: t\nsms: "{sms}"\n')
    of_step = problems(journey(f'sms: {{transactional: true, text: "{sms}"}}'))
    if words is None:
        assert found == of_step == []
    else:
        assert found[0].startswith(f"2: warning: {words}")
        assert of_step[0].startswith(f"3: warning: [m] {words}")


def test_mail_with_a_topic_needs_a_way_to_leave_it() -> None:
    template = "template: t\nsubject: S\nhtml: <p>x</p>\n---\n"
    warned = "warning: [m] `m` has a topic, and shows its reader no way to leave it"
    for mail in ("{template: t, topic: news}", "{subject: S, text: T, topic: news}"):
        [found] = problems(TOPIC + template + journey(f"email: {mail}"))
        assert warned in found
    for mail in (
        "{subject: S, text: '{{ preferences_url }}', topic: news}",
        "{template: t, topic: news, transactional: true}",
        "{template: t, transactional: true}",
    ):
        assert problems(TOPIC + template + journey(f"email: {mail}")) == []
    leaving = template.replace("<p>x</p>", "'<a href=\"{{ unsubscribe_url }}\">leave</a>'")
    assert problems(TOPIC + leaving + journey("email: {template: t, topic: news}")) == []


def test_what_a_layout_has_wrong_is_said_once() -> None:
    found = problems(
        'template: l\nhtml: \'<img src="a.png" alt="">{{ content }}\'\n---\n'
        "template: a\nlayout: l\nhtml: <p>a</p>\n---\ntemplate: b\nlayout: l\nhtml: <p>b</p>\n"
    )
    assert [each.split(":")[0] for each in found] == ["2"]


def test_variables_of_templates_are_checked_where_they_are_used() -> None:
    typo = problems("template: t\nsubject: S\ntext: '{{ contat.name }}'\n")
    assert typo == ["3: there is no variable `contat.name`; did you mean `contact`?"]
    button = "template: button\nhtml: '<a href=\"{{ url }}\">{{ label }}</a>'\n"
    assert [each.split(";")[0] for each in problems(button)] == [
        "2: warning: there is no variable `label`",
        "2: warning: there is no variable `url`",
    ]
    render = "{% render 'button', url: 'https://x.example', label: entry.x %}"
    page = f'---\ntemplate: p\nsubject: S\nhtml: "{render}"\n'
    assert problems(button + page) == []
    [direct] = [
        each
        for each in problems(
            button + page + "---\n"
            + journey("email: {template: button, subject: S, transactional: true}")
        )
        if "label" in each
    ]  # fmt: skip
    assert "[m] the template `button` reads `label`: there is no variable `label`" in direct
    steps = "template: s\nsubject: S\ntext: '{{ steps.code.code }} {{ steps.m.outcome }}'\n---\n"
    assert problems(steps + journey("email: {template: s, transactional: true}")) == [
        "7: warning: [m] the template `s` reads `steps.code.code`: there is no step `code`"
    ]


def test_a_template_for_some_languages_alone_is_doubtful() -> None:
    template = "template: t\nlocales: {fr: {subject: S, text: T}}\n---\n"
    assert problems(template + journey("email: {template: t, transactional: true}")) == [
        "6: warning: [m] the template `t` has nothing to send to contacts in other languages"
    ]
