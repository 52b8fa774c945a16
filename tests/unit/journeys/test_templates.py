"""Templates: what they print, what they refuse, and what they may not do."""

from typing import Any

import pytest

from journeys.templating.liquid import TemplateError, check, render, variables_of

SEEN: dict[str, Any] = {
    "contact": {"first_name": "Ann & Bo", "city": "", "tags": [], "visits": 0, "vip": False},
    "entry": {"items": [{"sku": "a"}, {"sku": None}], "total": 20.5},
}


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Hi {{ contact.first_name }}", "Hi Ann & Bo"),
        ("{{ contact.city | default: 'town' }}", "town"),
        ("{{ contact.city | strip | default: 'town' }}", "town"),
        ("{{ contact.none | default: '' }}.", "."),
        ("{{ contact.tags | size }}{{ contact.none | size }}", "00"),
        ("{% if contact.city %}a{% else %}b{% endif %}", "b"),
        ("{% for tag in contact.tags %}x{% else %}none{% endfor %}", "none"),
        ("{{ contact.visits }} {{ contact.vip }}", "0 false"),
        ("{{ entry.items | map: 'sku' | join: ',' }}", "a"),
        ("{{ entry.items[0].sku }} {{ entry.total }}", "a 20.5"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ],
)
def test_a_template_prints(text: str, printed: str) -> None:
    assert render(text, SEEN) == printed


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ("{{ contact.none }}", "contact.none"),
        ("{{ contact.city }}", "contact.city"),
        ("{{ contact.tags }}", "contact.tags"),
        ("{{ contact.city | upcase }}", "contact.city"),
        ("{{ contact.city | append: '!' }}", "contact.city"),
        ("{{ 'to ' | append: contact.none }}", "contact.none"),
        ("{{ contact.none | default: contact.city }}", "contact.none"),
        ("{{ nothing.at.all }}", "nothing.at.all"),
        ("{% assign x = contact.zip %}{{ x }}", "x"),
        ("{% for item in entry.items %}{{ item.sku }}{% endfor %}", "item.sku"),
    ],
)
def test_printing_nothing_fails_and_names_the_variable(text: str, variable: str) -> None:
    with pytest.raises(TemplateError, match="is missing or empty") as failure:
        render(text, SEEN)
    assert failure.value.variable == variable


def test_html_is_escaped_in_bodies_of_html_alone() -> None:
    assert render("{{ contact.first_name }}", SEEN, html=True) == "Ann &amp; Bo"
    assert render("{{ contact.first_name }}", SEEN) == "Ann & Bo"


@pytest.mark.parametrize(
    ("text", "expected", "line"),
    [
        ("a\n{{ x | upcas }}", "there is no filter `upcas`; did you mean `upcase`", 2),
        ("a\n\n{% iff x %}", "there is no tag `iff`; did you mean `if`", 3),
        ("{{ x", "can't be read", 1),
        ("{% if x %}", "can't be read", 1),
        ("{% include 'secrets' %}", "there is no tag `include`", 1),
        ("{% render 'secrets' %}", "`render` is for template documents", 1),
        ("{% liquid echo x %}", "there is no tag `liquid`", 1),
        ("{% if a %}" * 40 + "{% endif %}" * 40, "nesting", 1),
    ],
)
def test_a_broken_template_says_what_is_wrong_and_where(
    text: str, expected: str, line: int
) -> None:
    with pytest.raises(TemplateError, match=expected) as failure:
        check(text)
    assert failure.value.line == line


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in (1..100000000) %}x{% endfor %}",
        "{% assign x = 'xx' %}{% for i in (1..99) %}{% assign x = x | append: x %}{% endfor %}",
        "{% for i in (1..9000) %}" + "x" * 1000 + "{% endfor %}",
        "{{ entry.total | divided_by: 0 }}",
        "{{ " + "a[" * 4000 + "1" + "]" * 4000 + " }}",
    ],
)
def test_a_template_that_takes_too_much_fails_as_a_template(text: str) -> None:
    with pytest.raises(TemplateError):
        render(text, SEEN)


def test_variables_come_with_their_lines() -> None:
    text = (
        "{{ contact.city }}\n{% for i in entry.items %}{{ i.sku }}{% endfor %}\n{{ steps.a-1.at }}"
    )
    assert [(v.text, v.path, v.line) for v in variables_of(text)] == [
        ("contact.city", ("contact", "city"), 1),
        ("entry.items", ("entry", "items"), 2),
        ("steps.a-1.at", ("steps", "a-1", "at"), 3),
    ]
