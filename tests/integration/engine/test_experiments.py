"""Experiments from end to end: arms that runs take, and what the API and the command show."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from cli.main import app
from infra.settings import Settings
from journeys.model.arms import arm_at, bucket
from journeys.model.steps import Arm
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.engine import Engine

MAIL = "email: {subject: Hello, text: Hello, transactional: true}"
OFFER = f"""
journey: offer
entry: {{event: Started}}
re_entry: always
goal: {{event: Bought, value: total, within: 30d}}
steps:
  - id: fork
    split:
      - {{name: short, weight: 2, then: [{{id: brief, {MAIL}}}]}}
      - {{name: long, weight: 2, then: [{{id: letter, {MAIL}}}]}}
      - {{name: none, weight: 1, holdout: true}}
"""
ARMS = [Arm(name="short", weight=2), Arm(name="long", weight=2), Arm(name="none", weight=1)]
SENDS = {"short": "brief", "long": "letter"}


class Reader:
    """Somebody who reads experiments by the API and by the command."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key

    async def get(self, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._key}"}
        async with httpx.AsyncClient(base_url=self._url, headers=headers, timeout=30) as client:
            return await client.get(path)

    async def show(self, path: str) -> Any:
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def command(self, *arguments: str) -> str:
        environment = {
            "COLUMNS": "240", "PARCOURS_API_URL": self._url, "PARCOURS_API_KEY": self._key,
        }  # fmt: skip
        done = await asyncio.to_thread(
            CliRunner().invoke, app, ["experiment", *arguments], env=environment
        )
        assert done.exit_code == 0, done.output
        return str(done.stdout)


@asynccontextmanager
async def reading(engine: Engine, settings: Settings) -> AsyncIterator[Reader]:
    async with engine.pool.connection() as conn:
        key = await create_key(conn, "read")
    with capture_logs(), serving(settings) as url:
        yield Reader(url, key)


@pytest.fixture
async def reader(engine: Engine, engine_settings: Settings) -> AsyncIterator[Reader]:
    async with reading(engine, engine_settings) as found:
        yield found


def arm_of(contact: UUID) -> str:
    return arm_at(ARMS, bucket(contact, "offer", "fork")).name


async def test_the_figures_of_arms_are_those_of_what_their_contacts_did(
    engine: Engine, reader: Reader
) -> None:
    await engine.activate(OFFER)
    contacts = [await engine.contact(email=f"c{place}@example.com") for place in range(24)]
    for contact in contacts:
        await engine.event(contact, "Started")
    for contact in contacts:
        await engine.ended(contact)
    taken, clicked, bought, value = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for place, contact in enumerate(contacts):
        arm = arm_of(contact)
        taken[arm] += 1
        if place % 3 == 0 and arm in SENDS:
            await engine.event(contact, "Message Clicked", step=SENDS[arm])
            clicked[arm] += 1
        if place % 4 == 0:
            await engine.event(contact, "Bought", total=10 + place)
            bought[arm] += 1
            value[arm] += 10 + place
        if place % 6 == 0:
            # Who comes again takes the same arm, and counts once.
            await engine.event(contact, "Started")
    assert set(taken) == {"short", "long", "none"}

    async def all_are_counted() -> Any:
        shown = await reader.show("/v1/journeys/offer/experiments/fork")
        met = sum(arm["metrics"]["goal"]["count"] for arm in shown["arms"])
        return shown if met == bought.total() else None

    shown = await eventually(all_are_counted)
    arms = {arm["name"]: arm for arm in shown["arms"]}
    assert shown["versions"] == [1]
    assert {name: arm["contacts"] for name, arm in arms.items()} == taken
    for name, arm in arms.items():
        goal = arm["metrics"]["goal"]
        assert (goal["count"], goal["rate"]) == (bought[name], bought[name] / taken[name])
        assert goal["interval"]["low"] < goal["rate"] < goal["interval"]["high"] or not bought[name]
        assert arm["value"]["sum"] == value[name]
        assert arm["value"]["mean"] == pytest.approx(value[name] / taken[name])
        assert arm["expected_share"] == pytest.approx(0.2 if name == "none" else 0.4)
    for name in SENDS:
        assert arms[name]["metrics"]["clicked"]["count"] == clicked[name]
        assert arms[name]["metrics"]["sent"]["count"] == taken[name]
    assert "clicked" not in arms["none"]["metrics"]
    # The holdout is the control: the others are compared with it.
    assert [(each["arm"], each["control"]) for each in shown["comparisons"]] == [
        ("short", "none"), ("long", "none"),
    ]  # fmt: skip
    for each in shown["comparisons"]:
        rate, base = (bought[name] / taken[name] for name in (each["arm"], "none"))
        assert each["difference"] == pytest.approx(rate - base)
        assert each["incremental"] == pytest.approx((rate - base) * taken[each["arm"]])
        assert each["lift"] == (pytest.approx(rate / base - 1) if base else None)
        assert each["fixed_horizon"]["holds"].startswith("fixed horizon")
    assert (shown["verdict"], shown["winner"]) == ("too_early", None)
    assert "it is too early" in shown["words"]
    by_command = json.loads(await reader.command("offer", "fork", "--json"))
    assert {**by_command, "counted_at": None} == {**shown, "counted_at": None}
    printed = await reader.command("offer", "fork", "--metric", "clicked")
    assert "long against short" in printed
    assert "`none` is a holdout and gets no messages" in printed
    assert "p, fixed horizon" in printed


async def test_an_arm_that_is_shown_to_be_better_is_the_winner(
    engine: Engine, reader: Reader
) -> None:
    await engine.activate(OFFER)
    await write_results(engine, {"short": (400, 40), "long": (410, 130), "none": (200, 10)})
    shown = await reader.show("/v1/journeys/offer/experiments/fork")
    assert (shown["verdict"], shown["winner"]) == ("winner", "long")
    assert shown["words"] == "`long` is the winner by goal: 31.7% against 5.0% of `none`"
    shorter = shown["comparisons"][0]
    assert shorter["sequential"]["shown"] in ("better than none", "no difference shown yet")
    longer = shown["comparisons"][1]
    assert longer["sequential"]["shown"] == "better than none"
    assert longer["sequential"]["corrected_p_value"] < 0.05
    assert longer["sequential"]["interval"]["low"] > 0
    assert longer["lift"] == pytest.approx(130 / 410 / (10 / 200) - 1)
    printed = await reader.command("offer", "fork")
    assert printed.startswith("offer fork, version 1: `long` is the winner by goal")
    # A look at one of the arms alone, with what it lacks.
    await write_results(engine, {"short": (600, 60)})
    crooked = await reader.show("/v1/journeys/offer/experiments/fork")
    assert (crooked["verdict"], crooked["winner"]) == ("sample_ratio_mismatch", None)
    assert crooked["sample_ratio"]["mismatch"] is True
    assert "not in the ratio of the weights" in await reader.command("offer", "fork")


async def write_results(engine: Engine, arms: dict[str, tuple[int, int]]) -> None:
    """Contacts that took arms, and how many of these met the goal, as rows."""
    async with engine.pool.connection() as conn:
        for arm, (contacts, met) in arms.items():
            await conn.execute(
                "with ran as (insert into run (id, journey, version, contact_id, key, state,"
                " outcome, entry_ref, ref) select gen_random_uuid(), 'offer', 1,"
                " gen_random_uuid(), '', 'ended', 'completed', 0, 0 from"
                " generate_series(1, %(contacts)s) returning id, contact_id),"
                " visited as (insert into visit (run_id, visit, step, kind, outcome, ended_at)"
                " select id, 1, 'fork', 'split', %(arm)s, now() from ran)"
                " insert into goal (run_id, journey, contact_id, event_name, ref, met_event_id,"
                " met_at) select id, 'offer', contact_id, 'Bought', 0, 1, now() + interval '1s'"
                " from ran limit %(met)s",
                {"arm": arm, "contacts": contacts, "met": met},
            )


async def test_splits_are_listed_and_what_is_wrong_is_said(engine: Engine, reader: Reader) -> None:
    await engine.activate(
        OFFER + "  - id: second\n    split:\n      - {name: x, weight: 1}\n"
        "      - {name: rest, weight: 3, winner: {by: clicked, after: 4h}}\n"
    )
    await engine.activate(OFFER.replace("offer", "plain").replace("goal:", "name: Plain #"))
    path = "/v1/journeys/offer/experiments"
    first = await reader.show(f"{path}?limit=1")
    assert first["items"] == [
        {"step": "fork", "version": 1, "arms": [
            {"name": "short", "weight": 2, "role": "arm"},
            {"name": "long", "weight": 2, "role": "arm"},
            {"name": "none", "weight": 1, "role": "holdout"},
        ]},
    ]  # fmt: skip
    rest = await reader.show(f"{path}?cursor={first['next']}")
    assert ([each["step"] for each in rest["items"]], rest["next"]) == (["second"], None)
    printed = await reader.command("offer")
    assert "short: 2, long: 2, none: 1 (holdout)" in printed
    assert "x: 1, rest: 3 (by rule)" in printed
    second = await reader.show(f"{path}/second")
    assert second["verdict"] == "not_comparable"
    assert second["words"] == "less than two arms can be compared by goal"
    [note] = second["notes"]
    assert note == (
        "`rest` waits 4 hours and takes the arm with the highest share of clicked: that is a rule"
        " of the journey, and no winner that is shown"
    )
    for wrong, status, words in (
        ("/v1/journeys/none/experiments", 404, "there is no journey 'none'"),
        ("/v1/journeys/none/experiments/fork", 404, "there is no journey 'none'"),
        (f"{path}?version=7", 404, "there is no version 7 of journey 'offer'"),
        (f"{path}/brief", 404, "'brief' is no split of journey 'offer'; its splits: fork, second"),
        (f"{path}/second?control=rest", 422, "control: 'rest' is no arm that is compared"),
        (f"{path}/fork?metric=joy", 422, "metric"),
        (f"{path}/fork?days=3", 400, "days"),
        (f"{path}?cursor=brief", 400, "cursor"),
        ("/v1/journeys/plain/experiments/fork?metric=value", 422, "'plain' has no goal; choose"),
    ):
        answer = await reader.get(wrong)
        assert answer.status_code == status, answer.text
        assert words in answer.json()["message"], answer.text
