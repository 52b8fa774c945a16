"""Conditions judged part by part agree with a straightforward evaluator in Python."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from journeys.compile.condition_words import condition_words
from store.conditions import OF_RUN, Part, evaluate_parts
from tests.integration.store.test_reference_conditions import Case
from tests.support.random_contacts import PLACES, TOPICS
from tests.support.reference_conditions import World, holds
from tests.support.situations import CONDITION, Situation
from tests.support.stored_contacts import store_contacts, store_documents

CASES = int(os.environ.get("PARTS_CASES", "40"))
FIRST = int(os.environ.get("PARTS_FROM", "0"))


def inside(condition: dict[str, Any], world: World) -> list[dict[str, Any]]:
    """The conditions inside one, as documents write them."""
    if "all" in condition or "any" in condition:
        return list(condition["all"] if "all" in condition else condition["any"])
    if "not" in condition:
        return [condition["not"]]
    return [world.segments[condition["segment"]]] if "segment" in condition else []


def both(
    condition: dict[str, Any], part: Part, world: World
) -> Iterator[tuple[dict[str, Any], Part]]:
    """Each condition of the tree with its part."""
    yield condition, part
    if not part.parts:
        return
    for each, of in zip(inside(condition, world), part.parts, strict=True):
        yield from both(each, of, world)


async def test_each_part_of_a_condition_is_judged_as_it_would_be_alone(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
) -> None:
    wrong: list[Any] = []
    parts = true = composed = 0
    async with pool.connection() as conn:
        await store_documents(conn, World(topics=TOPICS, places=PLACES))
        cases = [Case(seed) for seed in range(FIRST, FIRST + CASES)]
        await store_contacts(conn, {case.id: case.contact for case in cases})
        async with conn.cursor() as cursor:
            await cursor.executemany(
                "insert into run (id, journey, version, contact_id, entry_ref, ref)"
                " values (%s, 'j', 1, %s, 0, 0)",
                [(case.run, case.id) for case in cases],
            )
        for case in cases:
            at = min(case.asked)
            segments = {
                key: CONDITION.validate_python(each) for key, each in case.world.segments.items()
            }
            found = await evaluate_parts(
                conn,
                CONDITION.validate_python(case.condition),
                OF_RUN,
                {"evaluated_run": case.run},
                timezone=case.world.zone,
                segments=segments,
                at=at,
            )
            assert found is not None
            in_segments = "segment" in str(case.condition)
            composed += bool(found.parts)
            for condition, part in both(case.condition, found, case.world):
                parts += 1
                true += part.holds
                assert part.words == condition_words(CONDITION.validate_python(condition))
                # In a segment a contact without a zone counts by UTC, which is not known here.
                if in_segments and condition is not case.condition:
                    continue
                if part.holds is not holds(condition, case.contact, case.world, at):
                    wrong.append((case.seed, condition, part))
    assert wrong == []
    assert parts > 2 * CASES
    assert parts / 4 < true < parts * 3 / 4
    assert composed > CASES / 3


async def test_a_condition_of_too_many_parts_is_judged_as_a_whole(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
) -> None:
    situation = Situation(pool)
    await situation.write_contact(country="FR")
    await situation.write_run()
    wanted = [{"attribute": "country", "is": each} for each in ("FR", *map(str, range(70)))]
    condition = CONDITION.validate_python({"any": wanted})
    async with pool.connection() as conn:
        found = await evaluate_parts(
            conn, condition, OF_RUN, {"evaluated_run": situation.run}, timezone=None, segments={}
        )
    assert found is not None
    assert (found.holds, found.parts) == (True, ())
    assert found.saw["attribute country"] == "FR"
