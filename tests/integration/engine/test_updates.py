"""Updates of a contact by steps: values are checked, and what cannot be stored is a fact."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from temporalio.testing import ActivityEnvironment

from activities.context import Context
from activities.deciding.decisions import DecisionActivities
from journeys.protocol.payloads import StepInput, StepResult
from journeys.protocol.program import Kind
from store.contacts.rows import read_contact
from store.definitions.catalog import Catalog
from store.entries.admission import EntryRequest, RefusedEntry, enter
from tests.support.engine import activate, make_contact, visits

Pool = AsyncConnectionPool[AsyncConnection[Any]]

SPELLED: dict[str, Any] = {
    "email": "Ada@EXAMPLE.com",
    "phone": "+33612345678",
    "timezone": "Europe/Paris",
    "locale": "fr-FR",
    "country": "FR",
    "lifecycle": "customer",
    "score": 5.0,
}


class Desk:
    """Decides the first step of a run of a new contact, without a worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.context = Context(pool, Catalog(), {}, nudge=lambda: None)
        self._journeys = 0

    async def decide(
        self, step: str, entry: dict[str, Any], kind: Kind = "update", **columns: Any
    ) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """The step's outcome and facts, and the contact as templates then see it."""
        self._journeys += 1
        key = f"j{self._journeys}"
        await activate(
            self._pool, f"journey: {key}\nentry: {{api: true}}\nsteps:\n  - {{id: it, {step}}}\n"
        )
        contact = await make_contact(self._pool, **columns)
        run = await self._begin(key, contact, entry)
        activity: Callable[..., Any] = DecisionActivities(self.context).activity_of(kind)
        async with self._pool.connection() as conn:
            cursor = await conn.execute("select parcours.clock()")
            [now] = await cursor.fetchone() or [None]
        given = StepInput(run_id=run, visit=1, step="it", now=now)
        result: StepResult = await ActivityEnvironment().run(activity, given)
        assert result.outcome is not None
        [visit] = await visits(self._pool, run)
        async with self._pool.connection() as conn:
            row = await read_contact(conn, contact)
        assert row is not None
        return result.outcome, visit["facts"], row.variables

    async def _begin(self, key: str, contact: UUID, entry: dict[str, Any]) -> UUID:
        async with self._pool.connection() as conn, conn.transaction():
            definition = await self.context.catalog.definition(conn, key, 1)
            answer = await enter(
                conn, self.context.catalog, definition, EntryRequest(contact, "", {}, None)
            )
            assert not isinstance(answer, RefusedEntry)
            # As ingest keeps what was posted: any JSON that PostgreSQL can hold.
            await conn.execute(
                "update run set entry = %s where id = %s", (Jsonb(entry), answer.run_id)
            )
            return answer.run_id


@pytest.fixture
def desk(pool: Pool) -> Desk:
    return Desk(pool)


def as_kept(value: Any) -> tuple[type, Any]:
    """A value with its type, large numbers as floating point, which JSON does not tell apart."""
    large = isinstance(value, int | float) and abs(value) > 2**53
    return (float, float(value)) if large else (type(value), value)


def setting(*names: str) -> str:
    values = ", ".join(f"{name}: {{entry: {name}}}" for name in names)
    return f"update: {{set: {{{values}}}}}"


async def test_values_are_stored_in_the_form_of_identify(desk: Desk) -> None:
    outcome, facts, contact = await desk.decide(
        setting(*SPELLED),
        {**SPELLED, "phone": "+33 6.12-34 56 78", "country": "fr", "score": 5},
    )
    assert (outcome, facts) == ("done", {"changed": sorted(SPELLED)})
    assert {name: contact[name] for name in SPELLED} == {**SPELLED, "email": "Ada@example.com"}


async def test_what_a_field_cannot_have_is_a_fact_and_the_old_value_stays(desk: Desk) -> None:
    wrong = {
        "email": "not an email",
        "timezone": "Mars/Base",
        "country": "France",
        "phone": "06 12",
        "locale": "?",
        "score": "many",
        "lifecycle": {"a": 1},
    }
    outcome, facts, contact = await desk.decide(
        setting(*wrong, "plan"), {**wrong, "plan": "pro"}, **SPELLED
    )
    refused = {name: f"invalid_{name}" for name in wrong}
    assert (outcome, facts) == ("done", {"changed": ["plan"], "refused": refused})
    assert {name: contact[name] for name in SPELLED} == SPELLED
    assert contact["plan"] == "pro"


@pytest.mark.parametrize("entry", [{}, dict.fromkeys([*SPELLED, "plan"])])
async def test_a_reference_to_something_missing_leaves_the_value(
    desk: Desk, entry: dict[str, Any]
) -> None:
    outcome, facts, contact = await desk.decide(
        "update: {set: {plan: {entry: plan}, email: {entry: email}, score: {entry: score}},"
        " add: {n: {entry: n}}}",
        entry,
        **SPELLED,
        attributes={"plan": "old", "n": 1},
    )
    assert (outcome, facts) == ("done", {"changed": []})
    assert (contact["plan"], contact["email"], contact["score"], contact["n"]) == (
        "old",
        SPELLED["email"],
        5,
        1,
    )


async def test_a_reference_to_an_empty_text_leaves_a_field_and_empties_an_attribute(
    desk: Desk,
) -> None:
    outcome, facts, contact = await desk.decide(
        setting("phone", "nickname"),
        {"phone": "", "nickname": ""},
        phone="+33612345678",
        attributes={"nickname": "Ada"},
    )
    assert (outcome, facts) == ("done", {"changed": ["nickname"]})
    assert (contact["phone"], contact["nickname"]) == ("+33612345678", "")


async def test_what_the_document_says_itself_removes(desk: Desk) -> None:
    outcome, facts, contact = await desk.decide(
        "update: {set: {phone: '', locale: null, plan: null}, unset: [country]}",
        {},
        **SPELLED,
        attributes={"plan": "old"},
    )
    assert (outcome, facts) == ("done", {"changed": ["country", "locale", "phone", "plan"]})
    assert (contact["phone"], contact["locale"], contact["country"]) == (None, None, None)
    assert "plan" not in contact


@pytest.mark.parametrize(
    ("before", "amount", "after", "code"),
    [
        (None, 2, 2, None),
        (1, 2.5, 3.5, None),
        ("abc", 1, "abc", "not_a_number"),
        ("1", 1, "1", "not_a_number"),
        (True, 1, True, "not_a_number"),
        ([1], 1, [1], "not_a_number"),
        (1, "2", 1, "not_a_number"),
        (1, True, 1, "not_a_number"),
        (1.7e308, 1.7e308, 1.7e308, "out_of_range"),
        (2**63 - 1, 1, 2.0**63, None),
        (-(2**63), -(2**63), -(2.0**64), None),
    ],
)
async def test_add_takes_numbers_alone(
    desk: Desk, before: Any, amount: Any, after: Any, code: str | None
) -> None:
    outcome, facts, contact = await desk.decide(
        "update: {add: {n: {entry: n}}}",
        {"n": amount},
        attributes={} if before is None else {"n": before},
    )
    changed = [] if code else ["n"]
    assert (outcome, facts) == (
        "done",
        {"changed": changed, **({"refused": {"n": code}} if code else {})},
    )
    assert as_kept(contact["n"]) == as_kept(after)


async def test_a_score_beyond_any_number_stays(desk: Desk) -> None:
    outcome, facts, contact = await desk.decide(
        "update: {add: {score: {entry: n}, email: 1}}",
        {"n": 1.7e308},
        **{**SPELLED, "score": 1.7e308},
    )
    refused = {"score": "out_of_range", "email": "not_a_number"}
    assert (outcome, facts) == ("done", {"changed": [], "refused": refused})
    assert (contact["score"], contact["email"]) == (1.7e308, SPELLED["email"])


@pytest.mark.parametrize("kind", ["update", "emit", "enter"])
@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        (2**64, None),
        (-(2**70), None),
        (1.7e308, None),
        (10**400, "out_of_range"),
        ({"deep": [18446744073709552000, {"a": "é\u2028"}]}, None),
        ([], None),
        ("x" * 40_000, None),
    ],
    ids=["2^64", "-2^70", "1.7e308", "10^400", "inside", "empty", "long"],
)
async def test_any_value_of_an_event_is_stored_or_refused(
    desk: Desk, kind: Kind, value: Any, flaw: str | None
) -> None:
    step = {
        "update": setting("n"),
        "emit": "emit: {event: Counted, properties: {n: {entry: n}}}",
        "enter": "enter: {journey: unknown, properties: {n: {entry: n}}}",
    }[kind]
    outcome, facts, contact = await desk.decide(step, {"n": value}, kind, attributes={"n": "old"})
    if kind == "update":
        refused = {"refused": {"n": flaw}} if flaw else {}
        assert (outcome, facts) == ("done", {"changed": [] if flaw else ["n"], **refused})
        assert as_kept(contact["n"]) == as_kept("old" if flaw else value)
    elif kind == "emit":
        assert (outcome, facts.get("code")) == (("failed", flaw) if flaw else ("done", None))
    else:
        assert outcome == "refused"


async def test_values_that_nest_too_deeply_are_refused(desk: Desk) -> None:
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    outcome, facts, contact = await desk.decide(setting("n"), {"n": deep})
    assert (outcome, facts) == ("done", {"changed": [], "refused": {"n": "too_deep"}})
    assert "n" not in contact
    emit = "emit: {event: Counted, properties: {n: {entry: n}}}"
    outcome, facts, _ = await desk.decide(emit, {"n": deep}, "emit")
    assert (outcome, facts) == ("failed", {"event": "Counted", "code": "too_deep"})


async def test_attributes_have_a_limit_together(desk: Desk) -> None:
    outcome, facts, contact = await desk.decide(
        setting("a", "b", "c"),
        {"a": "x" * 30_000, "b": "y" * 40_000, "c": "z"},
        attributes={"old": "o" * 20_000},
    )
    assert (outcome, facts) == ("done", {"changed": ["a", "c"], "refused": {"b": "oversize"}})
    assert (len(contact["a"]), "b" in contact, contact["c"]) == (30_000, False, "z")


async def test_attributes_beyond_the_limit_may_shrink(desk: Desk) -> None:
    outcome, facts, _ = await desk.decide(
        setting("a", "b"),
        {"a": "x", "b": "y"},
        attributes={"a": "a" * 70_000, "c": "c" * 70_000},
    )
    assert (outcome, facts) == ("done", {"changed": ["a"], "refused": {"b": "oversize"}})
