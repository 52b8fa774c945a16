"""Documents described while they are written: words, problems with their places, and limits."""

from __future__ import annotations

import time
from importlib.resources import files
from typing import Any

import httpx

from api.definitions.description import describe
from journeys.checks.references import KnownKeys
from journeys.compile.program_compiler import compile_program
from journeys.model.journey import Journey
from journeys.source.parsing import parse
from tests.integration.api.conftest import Keys, Rows

CART = """\
journey: abandoned-cart
entry: {event: Cart Updated, where: {total: {gte: 20}}, if: {attribute: country, in: [FR, BE]}}
exit:
  - {event: Order Completed}
goal: {event: Order Completed, within: 7d, value: total}
defaults: {topic: offers}
steps:
  - {id: quiet, wait: 1h}
  # Not too early.
  - id: reminder
    if: {topic: offers, is: subscribed}
    email: {subject: Your cart, text: 'Come back, or leave: {{ unsubscribe_url }}'}
  - {id: clicked, wait: {message: reminder, is: clicked, up_to: 1d}}
  - id: interested
    branch:
      - name: warm
        if: {step: clicked, is: happened}
        then:
          - {id: warm-lead, group: {add: [warm-leads]}}
      - else: []
  - id: way
    split: [{name: a, weight: 1, then: [{id: done, exit: enough}]}, {name: b, weight: 3}]
"""


async def _describe(client: httpx.AsyncClient, text: str) -> dict[str, Any]:
    answer = await client.post("/v1/documents/describe", json={"text": text})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_journey_is_said_in_the_words_of_the_engine(
    admin: httpx.AsyncClient, rows: Rows
) -> None:
    topic = {"topic": "offers", "default": "opt_out"}
    assert (await admin.put("/v1/topics/offers", json=topic)).is_success
    found = await _describe(admin, CART)
    assert (found["kind"], found["key"], found["valid"]) == ("journey", "abandoned-cart", True)
    assert found["problems"] == []
    assert [(step["id"], step["words"]) for step in found["steps"]] == [
        ("quiet", "wait 1 hour"),
        ("reminder", "email reminder"),
        ("clicked", "wait until reminder is clicked, up to 1 day"),
        ("interested", "branch interested"),
        ("warm-lead", "add to warm-leads"),
        ("way", "split way"),
        ("done", "exit: enough"),
    ]
    reminder = found["steps"][1]
    assert reminder["condition"] == "topic offers is subscribed"
    assert (reminder["subject"], reminder["topic"], reminder["template"]) == (
        "Your cart", "offers", None,
    )  # fmt: skip
    assert (reminder["path"], reminder["line"]) == (["steps", 1], 10)
    ways = [(way["name"], way["words"], way["share"]) for way in found["steps"][5]["ways"]]
    assert ways == [("a", None, 0.25), ("b", None, 0.75)]
    assert found["entry_words"] == [
        "event Cart Updated with total is at least 20, if attribute country is one of FR, BE"
    ]
    assert found["goal_words"] == "event Order Completed, within 7 days, worth its total"
    assert found["exit_words"] == ["event Order Completed"]
    assert [(line["depth"], line["words"]) for line in found["outline"]] == [
        (0, "wait 1 hour"),
        (0, "email reminder, if topic offers is subscribed"),
        (0, "wait until reminder is clicked, up to 1 day"),
        (0, "branch interested"),
        (1, "warm: step clicked is happened"),
        (2, "add to warm-leads"),
        (1, "else"),
        (0, "split way"),
        (1, "25% a"),
        (2, "exit: enough"),
        (1, "75% b"),
    ]
    assert await rows("select 1 from journey") == []


def test_the_words_of_a_step_are_those_of_its_workflow() -> None:
    for name in ("abandoned-cart", "welcome-course", "nps", "appointment", "dunning"):
        text = (files("journeys") / "library" / f"{name}.yaml").read_text(encoding="utf-8")
        for parsed in parse(text, name):
            if isinstance(parsed.document, Journey):
                nodes = {node.id: node.summary for node in compile_program(parsed.document).nodes}
                said = {each.id: each.words for each in describe(parsed.source, KnownKeys()).steps}
                assert said == nodes


async def test_what_has_no_mistake_is_described_beside_what_has(admin: httpx.AsyncClient) -> None:
    text = CART.replace("wait: 1h", "wait: 3 parsecs").replace(
        "{step: clicked, is: happened}", "{step: clicked, is: hapened}"
    )
    text = text.replace("{id: done, exit: enough}", "{id: done, exit: enough, colour: red}")
    found = await _describe(admin, text)
    assert found["valid"] is False
    problems = [
        (each["code"], each["line"], each["column"], each["end_column"], each["step"])
        for each in found["problems"]
    ]
    assert problems == [
        ("unknown_topic", 6, 19, 25, None),
        ("wrong_value", 8, 23, 32, "quiet"),
        ("unknown_topic", 11, 17, 23, "reminder"),
        ("unknown_outcome", 17, 33, 40, "interested"),
        ("unknown_key", 22, 66, 72, "done"),
    ]
    lines = text.split("\n")
    marked = [lines[each["line"] - 1][each["column"] - 1 : each["end_column"] - 1]
              for each in found["problems"]]  # fmt: skip
    assert marked == ["offers", "3 parsecs", "offers", "hapened", "colour"]
    assert "did you mean `happened`?" in found["problems"][3]["hint"]
    said = {step["id"]: (step["words"], step["problems"]) for step in found["steps"]}
    assert said == {
        "quiet": (None, [1]),
        "reminder": ("email reminder", [2]),
        "clicked": ("wait until reminder is clicked, up to 1 day", []),
        "interested": ("branch interested", [3]),
        "warm-lead": ("add to warm-leads", []),
        "way": ("split way", []),
        "done": (None, [4]),
    }
    assert found["problems"][1]["step_path"] == ["steps", 0]
    assert found["problems"][0]["step_path"] is None


async def test_a_text_that_is_hardly_a_document_has_a_problem_at_its_line(
    admin: httpx.AsyncClient,
) -> None:
    for text, code, line in (
        ("journey: a\nsteps: [\n  - x\n", "yaml", 3),
        ("", "empty", 1),
        ("# only a note\n", "empty", 1),
        ("42", "wrong_type", 1),
        ("[]", "wrong_type", 1),
        ("colour: red\n", "missing_key", 1),
        ("topic: a\ndefault: opt_in\n---\ntopic: b\ndefault: opt_in\n", "several_documents", 4),
    ):
        found = await _describe(admin, text)
        assert found["valid"] is False, text
        assert (found["problems"][0]["code"], found["problems"][0]["line"]) == (code, line), text
    half = "journey: a\nentry:\nsteps:\n  - {id: x, wait: 1d}\n  - {id: y}\n  - wait: 2d\n  - {}\n"
    found = await _describe(admin, half)
    assert [(each["id"], each["kind"], each["words"]) for each in found["steps"]] == [
        ("x", "wait", "wait 1 day"),
        ("y", None, None),
        (None, "wait", None),
        (None, None, None),
    ]
    assert (found["kind"], found["key"], found["entry_words"]) == ("journey", "a", [None])
    # A branch that lacks a condition still has its steps.
    way = "branch: [{then: [{id: c, wait: 1d}]}]"
    lacking = f"journey: a\nentry: {{api: true}}\nsteps:\n  - {{id: b, {way}}}\n"
    said = {each["id"]: each["words"] for each in (await _describe(admin, lacking))["steps"]}
    assert said == {"b": None, "c": "wait 1 day"}
    segment = await _describe(admin, "segment: french\nif: {attribute: country, is: FR}\n")
    assert segment["condition"] == "attribute country is FR"


async def test_describing_needs_a_key_that_reads_or_edits(
    api_url: str, keys: Keys, stranger: httpx.AsyncClient
) -> None:
    for key, status in (
        (keys.read, 200), (keys.edit, 200), (keys.operate, 200), (keys.ingest, 403),
    ):  # fmt: skip
        headers = {"Authorization": f"Bearer {key}"}
        answer = await stranger.post("/v1/documents/describe", json={"text": "x"}, headers=headers)
        assert answer.status_code == status
    large = {"text": "a" * 1_000_001}
    answer = await stranger.post(
        "/v1/documents/describe", json=large, headers={"Authorization": f"Bearer {keys.read}"}
    )
    assert answer.status_code == 422


async def test_a_journey_of_fifty_steps_is_described_while_one_types(
    admin: httpx.AsyncClient,
) -> None:
    """The limit is far above what it takes, because other work may have the processors."""
    steps = 50
    lines = [
        f"  - {{id: mail-{n}, if: {{attribute: country, is: FR}},"
        f" email: {{subject: Hello, text: Hi {n}, transactional: true}}}}\n"
        f"  - {{id: pause-{n}, wait: {{message: mail-{n}, is: clicked, up_to: 2d}}}}\n"
        for n in range(steps // 2)
    ]
    text = f"journey: long\nentry: {{api: true}}\nsteps:\n{''.join(lines)}"
    await _describe(admin, text)
    taken = []
    for _ in range(20):
        begun = time.perf_counter()
        found = await _describe(admin, text)
        taken.append(time.perf_counter() - begun)
    assert len(found["steps"]) == steps
    assert found["valid"] is True
    assert sorted(taken)[10] < 0.5
