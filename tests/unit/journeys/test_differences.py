"""What has changed in a document, in a person's sentences."""

from typing import Any

import pytest

from journeys.model.documents import load
from journeys.source.parsing import parse
from journeys.versions.differences import differences
from tests.unit.journeys.examples import journey

CART = """\
journey: cart
name: Cart
entry: {event: Cart Updated, where: {total: {gte: 20}}, key: cart_id}
exit:
  - {event: Order Completed, where: {cart_id: {entry: cart_id}}}
steps:
  - {id: quiet, wait: 1h}
  - {id: reminder, email: {subject: Your cart, text: "Hello\\nIt waits\\nBye", topic: offers}}
  - id: fork
    branch:
      - {name: warm, if: {group: vip}, then: [{id: lead, update: {set: {warm: 1}}}]}
      - else: [{id: code, coupon: {pool: cart10}}]
  - {id: end, wait: 2d}
"""


def changed(*replaced: tuple[str, str]) -> list[str]:
    """The sentences of `CART` with these parts replaced."""
    text = CART
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    [before], [now] = parse(CART, "a"), parse(text, "b")
    return [each.sentence for each in differences(before.document, now.document)]


@pytest.mark.parametrize(
    ("replaced", "expected"),
    [
        ([], []),
        ([("wait: 1h", "wait: {for: 1h}")], []),
        ([("wait: 1h", "wait: 2h")], ["step quiet: wait 1h → 2h"]),
        (
            [("wait: 1h", "wait: {event: Seen, up_to: 1h}")],
            ["step quiet: wait 1h → event: Seen, up_to: 1h"],
        ),
        ([("gte: 20", "gte: 30")], ["entry where total gte 20 → 30"]),
        ([("gte: 20", 'gte: "20"')], ['entry where total gte 20 → "20"']),
        ([("name: Cart", "name: The cart")], ["name Cart → The cart"]),
        ([("name: Cart\n", "")], ["name removed: Cart"]),
        ([("name: Cart", "name: Cart\nre_entry: {after: 7d}")], ["re_entry added: after: 7d"]),
        ([("  - {id: end, wait: 2d}\n", "")], ["step end removed"]),
        (
            [("pool: cart10}}]", "pool: cart10}}, {id: offer, wait: 1m}]")],
            ["step offer added after code"],
        ),
        (
            [("then: [{id: lead", "then: [{id: first, wait: 1m}, {id: lead")],
            ["step first added first in fork warm"],
        ),
        (
            [("steps:\n", "steps:\n  - {id: zero, wait: 1m}\n")],
            ["step zero added as the first"],
        ),
        (
            [("{id: end, wait: 2d}", "{id: end, exit: enough}")],
            ["step end: wait → exit"],
        ),
        (
            [("{group: vip}", "{group: gold}")],
            ["step fork: branch warm if group vip → gold"],
        ),
        (
            [("entry: cart_id}}}", "entry: cart_id}, total: 0}}")],
            ["exit rule Order Completed: where total added: 0"],
        ),
        (
            [("exit:\n", "exit:\n  - {message: reminder, is: replied}\n")],
            ["exit rule reminder replied added"],
        ),
        (
            [("exit:\n  - {event: Order Completed, where: {cart_id: {entry: cart_id}}}\n", "")],
            ["exit rule Order Completed removed: where cart_id: entry: cart_id"],
        ),
        (
            [
                ("  - {id: end, wait: 2d}\n", ""),
                ("  - {id: quiet", "  - {id: end, wait: 2d}\n  - {id: quiet"),
            ],
            ["step end moved as the first"],
        ),
        ([("topic: offers", "topic: news")], ["step reminder: email topic offers → news"]),
    ],
)
def test_each_change_is_a_sentence(replaced: list[tuple[str, str]], expected: list[str]) -> None:
    assert changed(*replaced) == expected


def test_a_text_that_has_changed_shows_its_lines() -> None:
    [before], [now] = parse(CART, "a"), parse(CART.replace("It waits", "It still waits"), "b")
    [found] = differences(before.document, now.document)
    assert found.sentence == "step reminder: email text changed"
    assert found.lines == "@@ -1,3 +1,3 @@\n Hello\n-It waits\n+It still waits\n Bye"


def test_other_documents_are_compared_part_by_part() -> None:
    def sentences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        return [each.sentence for each in differences(load(old), load(new))]

    topic = {"topic": "news", "default": "opt_in"}
    assert sentences(topic, {**topic, "default": "double"}) == ["default opt_in → double"]
    segment = {"segment": "vip", "if": {"attribute": "plan", "is": "pro"}}
    assert sentences(segment, {**segment, "if": {"attribute": "plan", "is": "max"}}) == [
        "if is pro → max"
    ]


def test_a_step_of_an_exit_is_named_with_its_rule() -> None:
    steps = [{"id": "quiet", "wait": "1h"}]
    before = journey(exit=[{"event": "Left"}], steps=steps)
    now = journey(exit=[{"event": "Left", "then": [{"id": "tag", "update": {"set": {"a": 1}}}]}],
                  steps=steps)  # fmt: skip
    assert [each.sentence for each in differences(before, now)] == [
        "step tag added first in exit rule Left"
    ]
