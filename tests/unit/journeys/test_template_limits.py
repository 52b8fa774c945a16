"""Templates: the bound on the work and the size of rendering, for any template and any JSON."""

from collections.abc import Iterator
from datetime import UTC, datetime
from time import thread_time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.templating.filters import FILTERS
from journeys.templating.liquid import (
    Budget,
    Moment,
    TemplateError,
    TemplateLimit,
    render,
    variables_of,
)

BIO = {"contact": {"bio": "words, words & wörds " * 1400, "n": 12, "list": [[1, "a"]] * 50}}
"""An attribute of 28 KB."""


def turns(body: str, count: int = 9999) -> str:
    return f"{{% for i in (1..{count}) %}}{body}{{% endfor %}}"


BLOW_UPS = {
    "upcase": turns("{{ contact.bio | upcase | size }}"),
    "replace": turns("{% assign x = contact.bio | replace: 'w', 'ww' %}"),
    "split": turns("{% assign x = contact.bio | split: ' ' | join: '-' %}"),
    "strip_html": turns("{{ contact.bio | strip_html | escape | size }}"),
    "escapejs": turns("{{ contact.bio | escapejs | url_encode | size }}"),
    "print": turns("{{ contact.bio }}"),
    "contains": turns("{% if contact.bio contains 'z' %}{% endif %}"),
    "equal": turns("{% if contact.list == contact.list %}{% endif %}"),
    "json": turns("{{ contact | json | size }}"),
    "capture": turns("{% capture x %}{{ contact.bio }}{% endcapture %}"),
    "date": turns("{{ 'now' | date: '%A %d %B %Y %H:%M:%S' }}", 99_999),
    "uniq": turns("{% assign x = contact.list | uniq | sort_natural: 'a' %}"),
    "nested": turns(turns("{% comment %}x{% endcomment %}")),
    "nothing": turns("", 10**9),
    "reversed": "{% for i in (1..100000000) reversed %}{% endfor %}",
    "in a row": turns("x") * 200,
    "square": "{% assign x = contact.n %}" + turns("{% assign x = x | times: x %}", 99) + "{{ x }}",
    "power": "{% assign x = 1.5 %}" + turns("{% assign x = x | times: x %}", 99) + "{{ x }}",
    "append": "{% assign x = 'xx' %}" + turns("{% assign x = x | append: x %}", 99),
    "split and join": "{% assign x = 'ab' %}"
    + turns("{% assign x = x | split: '' | join: 'abc' %}", 99),
    "concat": "{% assign x = contact.list %}" + turns("{% assign x = x | concat: x %}", 99),
    "replaced by itself": "{{ contact.bio | replace: '', contact.bio }}",
    "newlines": turns("{% assign x = contact.bio | newline_to_br | squish | strip_newlines %}"),
    "range": "{{ (1..999999999999) | join: ',' }}",
    "kept": "".join(f"{{% assign x{i} = contact.bio | append: '{i}' %}}" for i in range(2000)),
}


@pytest.mark.parametrize("text", BLOW_UPS.values(), ids=BLOW_UPS)
def test_a_template_that_takes_too_much_fails_within_its_bound(text: str) -> None:
    variables_of(text)
    begun = thread_time()
    with pytest.raises(TemplateLimit) as failure:
        render(text, BIO)
    assert failure.value.code == "template_limit"
    assert thread_time() - begun < 1.5


def test_the_bound_depends_on_the_work_and_not_on_time() -> None:
    text = turns("{{ contact.bio | upcase | size }}", 100)
    budgets = [Budget(), Budget()]
    for budget in budgets:
        render(text, BIO, budget=budget)
    assert budgets[0].units == budgets[1].units


def test_all_texts_of_a_message_share_a_budget() -> None:
    text, budget = turns("{{ contact.bio | upcase | size }}", 300), Budget()
    render(text, BIO, budget=budget)
    with pytest.raises(TemplateLimit):
        render(text, BIO, budget=budget)


def test_an_ordinary_message_is_rendered_within_the_small_budget() -> None:
    items = [{"name": f"Lamp {place}", "price": 12.5, "at": "2026-03-01"} for place in range(40)]
    text = "Hi {{ contact.name }}\n" + "word " * 800 + (
        "{% for item in entry.items %}{% if item.price > 5 %}- {{ item.name | upcase }}: "
        "{{ item.price | times: 2 | round: 2 }} {{ item.at | date: '%d/%m' }}"
        "{% endif %}{% endfor %}"
    )  # fmt: skip
    variables = {"contact": {"name": "Ada"}, "entry": {"items": items}}
    assert "- LAMP 39: 25.0 01/03" in render(text, variables, budget=Budget.small())


# --------------------------------------------------------------------------- any template, any JSON

NAMES = ["a", "b", "a.b"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**17, max_value=10**40)
    | st.floats(allow_nan=False)
    | st.sampled_from(
        ["", " ", "10", "a", "2026-03-01", "2026-03-01T09:00Z", "now", "<b>", "é" * 99]
    )
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
)
LITERALS = st.sampled_from(
    ["1", "-3", "0", "2.5", "99999999999999999999", "'a'", "''", "','", "'10'", "'%d/%m %H'",
     "'Asia/Tokyo'", "true", "nil", "(1..3)", "'now'", "now", "today"]
)  # fmt: skip
PATHS = st.sampled_from(
    ["entry.a", "entry.b", "entry.a.b", "entry.a[0]", "entry.a.first", "entry.b.last.a",
     "entry.a.size", "entry[entry.b]", "x", "i", "i.a", "i[1]", "forloop.index", "entry", "forloop"]
)  # fmt: skip
PRIMITIVES = LITERALS | PATHS
SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "contains", "and", "or"])
TESTED = PRIMITIVES | st.sampled_from(["blank", "empty", "nil"])


@st.composite
def chains(draw: st.DrawFn) -> str:
    """A value with filters, whose arguments are often of the wrong kinds."""
    text = draw(PRIMITIVES)
    for name in draw(st.lists(st.sampled_from(sorted(FILTERS)), max_size=3)):
        known = FILTERS[name]
        count = draw(st.integers(known.least, len(known.arguments)))
        arguments = ", ".join(draw(PRIMITIVES) for _ in range(count))
        text += f" | {name}" + (f": {arguments}" if arguments else "")
    return text


def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    tests = st.builds("{} {} {}".format, TESTED, SIGNS, TESTED)
    return st.one_of(
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, tests, inner, inner),
        st.builds("{{% unless {} %}}{}{{% endunless %}}".format, tests, inner),
        st.builds(
            "{{% for i in {} limit: {} %}}{}{{% endfor %}}".format, PRIMITIVES, PRIMITIVES, inner
        ),
        st.builds("{{% for i in {} reversed %}}{}{{% endfor %}}".format, PRIMITIVES, inner),
        st.builds("{{% capture x %}}{}{{% endcapture %}}".format, inner),
        st.builds(
            "{{% case {} %}}{{% when {}, {} %}}{}{{% endcase %}}".format,
            PRIMITIVES, TESTED, TESTED, inner,
        ),
        st.builds("{}{}".format, inner, inner),
    )  # fmt: skip


TEMPLATES = st.recursive(
    st.builds("{{{{ {} }}}}".format, chains())
    | st.builds("{{% assign x = {} %}}".format, chains())
    | st.builds("{{% cycle {}, {} %}}".format, PRIMITIVES, PRIMITIVES)
    | st.sampled_from(["text", "\n", "{% break %}", "{% raw %}{{ x }}{% endraw %}"]),
    blocks,
    max_leaves=8,
)
MOMENT = Moment(datetime(2026, 3, 2, tzinfo=UTC), ZoneInfo("America/Sao_Paulo"))
PYTHON_WORDS = ("NoneType", "Traceback", "object is not", "'str'", "'int'", "unsupported operand",
                "must be str", "liquid parsing", "out of range", "Undefined")  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(text=TEMPLATES, entry=st.dictionaries(st.sampled_from(NAMES), VALUES), html=st.booleans())
def test_any_template_over_any_json_prints_or_fails_in_our_words(
    text: str, entry: dict[str, Any], html: bool
) -> None:
    begun = thread_time()
    first, again = (outcome_of(text, entry, html) for _ in range(2))
    assert first == again
    assert not [word for word in PYTHON_WORDS if word in first[1]], first
    assert thread_time() - begun < 3


def outcome_of(text: str, entry: dict[str, Any], html: bool) -> tuple[str, str]:
    """What rendering ends with, and its text."""
    try:
        return "printed", render(text, {"entry": entry}, MOMENT, html=html)
    except TemplateError as error:
        return error.code, str(error)


@pytest.fixture(autouse=True)
def same_values() -> Iterator[None]:
    """Rendering changes none of its variables."""
    before = repr(BIO)
    yield
    assert repr(BIO) == before
