"""Templates: what is empty, blank and equal, and what can't be printed."""

from typing import Any

import pytest

from journeys.model.paths import first
from journeys.templating.liquid import TemplateError, check, render

EMPTY: dict[str, dict[str, Any]] = {
    "text": {"x": ""},
    "space": {"x": " \n"},
    "list": {"x": []},
    "object": {"x": {}},
    "null": {"x": None},
    "missing": {},
}


def holds(test: str, entry: dict[str, Any], tag: str = "if") -> bool:
    printed = render(f"{{% {tag} {test} %}}yes{{% end{tag} %}}", {"entry": entry})
    return printed == "yes"


@pytest.mark.parametrize("entry", EMPTY.values(), ids=EMPTY)
def test_missing_null_and_empty_are_alike(entry: dict[str, Any]) -> None:
    greeting = "{% if entry.x != blank %}Hi {{ entry.x }}{% else %}Hi{% endif %}"
    assert render(greeting, {"entry": entry}) == "Hi"
    assert (
        render("{{ entry.x | default: 'you' }} {{ entry.x | size }}", {"entry": entry}) == "you 0"
    )
    assert render("{% for i in entry.x %}x{% else %}none{% endfor %}", {"entry": entry}) == "none"
    assert holds("entry.x == blank", entry)
    assert holds("entry.x == nil", entry)
    assert holds("entry.x == ''", entry)
    assert not holds("entry.x", entry)
    assert not holds("entry.x == blank", entry, "unless")
    assert not holds("entry.x != nil", entry)
    assert not holds("entry.x != ''", entry)
    assert not holds("entry.x == false", entry)
    case = "{% case entry.x %}{% when 'a' %}a{% when blank %}blank{% endcase %}"
    assert render(case, {"entry": entry}) == "blank"


@pytest.mark.parametrize("entry", EMPTY.values(), ids=EMPTY)
def test_empty_means_nothing_in_it(entry: dict[str, Any]) -> None:
    # As in Shopify's Liquid, white space is blank and not empty.
    expected = entry != EMPTY["space"]
    assert holds("entry.x == empty", entry) is expected
    assert holds("entry.x == empty", entry, "unless") is not expected
    assert holds("entry.x != empty", entry) is not expected


@pytest.mark.parametrize("x", [0, 1, 0.0, True, "a", [0], {"a": None}])
def test_other_values_are_neither_blank_nor_empty(x: object) -> None:
    for test in ("entry.x == blank", "entry.x == empty", "entry.x == nil", "entry.x == ''"):
        assert not holds(test, {"x": x}), test
    assert holds("entry.x", {"x": x})


def test_false_is_blank_and_not_empty() -> None:
    assert holds("entry.x == blank", {"x": False})
    assert not holds("entry.x == empty", {"x": False})
    assert not holds("entry.x == nil", {"x": False})
    assert (
        render("{{ entry.x }} {{ entry.x | default: 'a' }}", {"entry": {"x": False}}) == "false a"
    )
    assert render("{{ entry.x | default: 'a', allow_false: true }}", {"entry": {"x": False}}) == (
        "false"
    )


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("entry.text > 5", False),
        ("entry.text < 5", False),
        ("entry.text == 10", False),
        ("entry.text != 10", True),
        ("entry.text == '10'", True),
        ("entry.ten > 5", True),
        ("entry.ten >= 10", True),
        ("entry.ten == 10.0", True),
        ("entry.ten > entry.none", False),
        ("entry.ten < entry.none", False),
        ("entry.yes == 1", False),
        ("entry.yes > 0", False),
        ("entry.yes == true", True),
        ("entry.list > 1", False),
        ("entry.list == entry.list", True),
        ("entry.list == entry.object", False),
        ("entry.list contains 1", True),
        ("entry.list contains '1'", False),
        ("entry.list contains true", False),
        ("entry.list contains entry.none", False),
        ("entry.text contains 1", False),
        ("entry.text contains '1'", True),
        ("entry.ten contains 1", False),
        ("entry.none contains 1", False),
        ("'b' > 'a'", False),
        ("entry.ten > 5 and entry.text > 5", False),
        ("entry.ten > 5 or entry.text > 5", True),
    ],
)
def test_comparisons_are_those_of_conditions(test: str, expected: bool) -> None:
    entry = {"text": "10", "ten": 10, "yes": True, "list": [1, 2], "object": {"a": 1}}
    assert holds(test, entry) is expected


ADDRESS = {"zip": None, "city": "Lyon", "tags": ["a", 'b"']}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ entry.address }}", "`entry.address` is an object; print one of its parts, or write"),
        ("{{ entry.address.tags }}", "`entry.address.tags` is a list"),
        ("{{ entry }}", "`entry` is an object"),
        ("{{ (1..3) }}", "is a list"),
        ("{% for i in (1..2) %}{{ forloop }}{% endfor %}", "`forloop` is an object"),
        ("{% for pair in entry.address %}{{ pair }}{% endfor %}", "`pair` is a list"),
        ("{{ 'to ' | append: entry.address }}", "`append` can't use `'to '`: it gets its argument"),
        ("{{ entry.address | upcase }}", "`upcase` can't use `entry.address`: it is an object"),
        ("{% cycle entry.address, 'a' %}", "`entry.address` is an object"),
        ("{{ entry.items | join: ',' }}", "has an object among its elements"),
        ("{% assign x = entry.address %}\n{{ x }}", "`x` is an object"),
    ],
)
def test_printing_a_list_or_an_object_fails_by_name(text: str, expected: str) -> None:
    with pytest.raises(TemplateError) as failure:
        render(text, {"entry": {"address": ADDRESS, "items": [{"a": 1}]}})
    assert expected in str(failure.value)
    assert failure.value.line == text.count("\n") + 1


@pytest.mark.parametrize(
    ("path", "printed"),
    [
        ("address", '{"zip":null,"city":"Lyon","tags":["a","b\\""]}'),
        ("address.tags", '["a","b\\""]'),
        ("none", "null"),
        ("address.city", '"Lyon"'),
        ("list", "[]"),
        ("é", '"é"'),
    ],
)
def test_json_prints_json(path: str, printed: str) -> None:
    entry = {"address": ADDRESS, "list": [], "é": "é"}
    assert render(f"{{{{ entry.{path} | json }}}}", {"entry": entry}) == printed


def test_a_key_with_dots_wins_over_what_is_inside() -> None:
    contact = {"a.b": "key", "a": {"b": "inside", "c": "other"}, "n.m": None, "n": {"m": 1}}
    variables = {"contact": contact, "steps": {"x": contact}, "entries": [contact]}
    for root in ("contact", "steps.x", "entries[0]", "entries.first"):
        text = f"{{{{ {root}.a.b }}}} {{{{ {root}.a.c }}}} {{{{ {root}.n.m | default: 'none' }}}}"
        assert render(text, variables) == "key other none", root
        # The paths of conditions and of references agree.
        assert (first(contact, "a.b"), first(contact, "a.c")) == ("key", "other")
        assert first(contact, "n.m") is None
    items = {"entry": {"items": [{"p.q": 1}, {"p": {"q": 2}}]}}
    assert render("{{ entry.items | map: 'p.q' | join: ' ' }}", items) == "1 2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ x | date }}", "`date` needs the format of a date"),
        ("{{ x | date: 1 }}", "`date` needs the format of a date"),
        ("{{ x | date: '%Q' }}", "has `%Q`"),
        ("{{ x | date: '10%' }}", "has `%`"),
        ("{{ x | date: '' }}", "is empty"),
        ("{{ x | date: '%d', 'Mars/Base' }}", "`Mars/Base` is no time zone"),
        ("{{ x | date: '%d', 'UTC', 1 }}", "takes at most 2 arguments, and gets 3"),
        ("{{ x | upcase: 1 }}", "takes no argument, and gets 1"),
        ("{{ x | split }}", "`split` needs text"),
        ("{{ x | plus: 'ten' }}", "`plus` needs a number"),
        ("{{ x | plus }}", "`plus` needs a number"),
        ("{{ x | divided_by: 0 }}", "can't divide by 0"),
        ("{{ x | truncate: 'long' }}", "`truncate` needs a whole number"),
        ("{{ x | truncate: 1.5 }}", "`truncate` needs a whole number"),
        ("{{ x | map }}", "`map` needs text"),
        ("{{ x | concat: 'a' }}", "`concat` needs a list"),
        ("{{ x | default: 1, deep: true }}", "has no argument `deep`"),
        ("{% assign y = x | datte: '%d' %}", "there is no filter `datte`; did you mean `date`"),
        ("{% break %}", "`break` stands outside of any `for`"),
        ("{% if x %}{% continue %}{% endif %}", "`continue` stands outside of any `for`"),
    ],
)
def test_validation_checks_the_arguments_of_filters(text: str, expected: str) -> None:
    with pytest.raises(TemplateError) as failure:
        check("first line\n" + text)
    assert expected in str(failure.value)
    assert failure.value.line == 2


@pytest.mark.parametrize(
    "text",
    [
        "{{ x | date: '%d/%m', 'Europe/Paris' }}",
        "{{ x | date: entry.format, contact.timezone }}",
        "{{ x | plus: '10' | round | times: entry.y }}",
        "{{ x | where: 'a', 1 | where: 'b' | sort | first }}",
        "{{ x | default: nil }}",
        "{% for i in x %}{% if i %}{% break %}{% endif %}{% endfor %}",
    ],
)
def test_validation_takes_what_can_work(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ entry.word | plus: 1 }}", "`plus` can't use `entry.word`: it is text that is no num"),
        ("{{ 1 | plus: entry.word }}", "`plus` can't use `1`: it gets its argument wrong"),
        (
            "{{ 1 | divided_by: entry.zero }}",
            "`divided_by` can't use `1`: it can't be divided by 0",
        ),
        ("{{ 1.5 | modulo: entry.zero }}", "can't be divided by 0"),
        ("{{ entry.word | map: 'a' }}", "`map` can't use `entry.word`: it is text, and no list"),
        ("{{ entry.word | base64_decode }}", "is no base64 of a text"),
        ("{{ entry.mixed | sort }}", "has an object among what is sorted"),
        ("{% for i in entry.mixed limit: entry.word %}{% endfor %}", "`limit` of the loop needs"),
        ("{{ entry.word | date: '%d' }}", "`date` can't use `entry.word`: it is no date"),
        ("{{ entry.at | date: entry.word, entry.word }}", "argument 2 wrong: it is no time zone"),
    ],
)
def test_failures_name_the_filter_and_the_value(text: str, expected: str) -> None:
    entry = {"word": "wörd", "zero": 0, "mixed": [{"a": 1}, 2], "at": "2026-01-01"}
    with pytest.raises(TemplateError) as failure:
        render(text, {"entry": entry})
    assert expected in str(failure.value)
    assert (failure.value.code, failure.value.line) == ("template", 1)


INNER = "{% for b in (1..2) %}{{ forloop.parentloop.index }}{% endfor %}"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("{{ 'a-b-c' | split: '-' | reverse | join: '' }}", "cba"),
        ("{{ 'ab' | append: 'c' | prepend: '_' | upcase }}", "_ABC"),
        ("{{ 'a.b.a' | replace: 'a', 'x' }}|{{ 'aba' | replace_first: 'a', '' }}", "x.b.x|ba"),
        ("{{ 'aba' | replace_last: 'a', 'c' }}|{{ 'aba' | remove_last: 'a' }}", "abc|ab"),
        ("{{ 'Hello world' | truncate: 8 }}|{{ 'a b c' | truncatewords: 2 }}", "Hello...|a b..."),
        ("{{ 'abcdef' | slice: 1, 3 }}|{{ 'abcdef' | slice: -2, 2 }}", "bcd|ef"),
        ("{{ ' a  b ' | squish }}|{{ '<b>a</b>' | strip_html }}", "a b|a"),
        ("{{ 'x<script>a</script>y<!-- <b> -->z < 1' | strip_html }}", "xyz < 1"),
        ("{{ 'a b&' | url_encode }}|{{ 'a+b%26' | url_decode }}", "a+b%26|a b&"),
        ("{{ 'hé' | base64_encode }}|{{ 'aMOp' | base64_decode }}", "aMOp|hé"),
        ("{{ 7 | divided_by: 2 }}|{{ 7 | divided_by: 2.0 }}|{{ 7 | modulo: 3 }}", "3|3.5|1"),
        ("{{ 0.1 | plus: 0.2 }}|{{ 1.255 | round: 1 }}|{{ 4.6 | ceil }}", "0.3|1.3|5"),
        ("{{ '10.50' | times: 2 }}|{{ 3 | at_least: 5 }}|{{ -3 | abs }}", "21.0|5|3"),
        ("{{ entry.items | where: 'k', 'b' | map: 'n' | join: ' ' }}", "3 1"),
        ("{{ entry.items | reject: 'k', 'b' | map: 'n' | first }}", "2"),
        ("{{ entry.items | sort: 'n' | map: 'n' | join: '' }}", "123"),
        ("{{ entry.items | sum: 'n' }}|{{ entry.items | map: 'k' | uniq | size }}", "6|2"),
        ("{{ entry.items | find_index: 'n', 2 }}|{{ entry.items | has: 'n', 9 }}", "1|false"),
        ("{% for i in entry.items limit: 1 offset: 1 %}{{ i.n }}{% endfor %}", "2"),
        ("{% for i in (1..4) reversed %}{% if i < 3 %}{% break %}{% endif %}x{% endfor %}", "xx"),
        ("{% for i in (1..2) %}{% cycle 'a', 'b' %}{% endfor %}", "ab"),
        ("{% for p in entry.items.first %}{{ p[0] }}={{ p | last }} {% endfor %}", "n=3 k=b "),
        ("{% capture x %}a{{ 1 }}{% endcapture %}{{ x }}{{ entry.items.size }}", "a13"),
        ("{% for a in (1..2) %}" + INNER + "{% endfor %}", "1122"),
        ("{{ entry.none | concat: entry.items | size }}", "3"),
    ],
)  # fmt: skip
def test_filters_and_loops_print(text: str, printed: str) -> None:
    entry = {"items": [{"n": 3, "k": "b"}, {"n": 2, "k": "a"}, {"n": 1, "k": "b"}]}
    assert render(text, {"entry": entry}) == printed


def test_what_is_put_into_html_is_escaped_once() -> None:
    contact = {"name": "<Ann & Bo>", "tags": ["<a>", "b"]}
    for text, printed in (
        ("{{ contact.name }}", "&lt;Ann &amp; Bo&gt;"),
        ("{{ contact.name | escape }}", "&lt;Ann &amp; Bo&gt;"),
        ("{{ '<b>' | append: contact.name }}", "<b>&lt;Ann &amp; Bo&gt;"),
        ("{{ contact.tags | join: '<br>' }}", "&lt;a&gt;<br>b"),
        ("{{ contact.tags | json }}", "[&#34;&lt;a&gt;&#34;,&#34;b&#34;]"),
        ("{{ contact.name | safe }}", "<Ann & Bo>"),
        ("{% capture x %}<i>{{ contact.tags[0] }}</i>{% endcapture %}{{ x }}", "<i>&lt;a&gt;</i>"),
        ("{{ contact.name | replace: 'Ann', '<i>' }}", "&lt;&lt;i&gt; &amp; Bo&gt;"),
    ):  # fmt: skip
        assert render(text, {"contact": contact}, html=True) == printed, text
