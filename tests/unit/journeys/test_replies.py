"""`replied` is refused where nothing can report it."""

import pytest

from journeys.checks.references import KnownKeys
from journeys.checks.validation import check
from journeys.source.parsing import parse

JOURNEY = """\
journey: j
entry: {event: Hello}
defaults: {transactional: true}
steps:
  - id: mail
    email: {subject: Hello, text: Hello}
  - id: text
    sms: {text: Hello}
  - id: answer
    wait: {message: MESSAGE, is: replied, up_to: 1d}
"""


def problems(message: str, replies: frozenset[str] | None) -> list[tuple[str, str]]:
    parsed = parse(JOURNEY.replace("MESSAGE", message), "j.yaml")
    found = check(parsed, KnownKeys(replies=replies))
    return [(each.severity, each.code) for each in found if each.code == "no_replies"]


@pytest.mark.parametrize(
    ("message", "replies", "expected"),
    [
        ("mail", frozenset({"email", "sms"}), []),
        ("mail", frozenset({"sms"}), [("error", "no_replies")]),
        ("text", frozenset({"email"}), [("error", "no_replies")]),
        ("text", frozenset({"sms"}), []),
        ("mail", frozenset(), [("error", "no_replies")]),
        ("mail", None, [("warning", "no_replies")]),
    ],
)
def test_replied_needs_a_way_for_replies_to_come_in(
    message: str, replies: frozenset[str] | None, expected: list[tuple[str, str]]
) -> None:
    assert problems(message, replies) == expected
