"""Sample journey S, its contacts and its events."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from benchmarks.mail import TEMPLATE, save_mail
from journeys.compile.program_compiler import compile_program
from journeys.model.journey import Journey
from journeys.templating.compilation import compile_step
from store.definitions.contents import keep_contents
from store.events.notification import notify

EVENT = "Sample Started"


def sample(key: str = "sample", pause: str = "2s", event: str = EVENT) -> Journey:
    """Event entry → email → wait → branch (message opened?) → sms → end.

    The e-mail is the template of `benchmarks.mail`, with links that are followed.
    """
    return Journey.model_validate(
        {
            "journey": key,
            "entry": {"event": event},
            "re_entry": "always",
            "steps": [
                {"id": "hello", "email": {"template": TEMPLATE, "transactional": True}},
                {"id": "pause", "wait": pause},
                {
                    "id": "opened",
                    "branch": [
                        {
                            "if": {"message": "hello", "is": "opened"},
                            "then": [{"id": "warm", "sms": {"text": "a", "transactional": True}}],
                        },
                        {"else": [{"id": "cold", "sms": {"text": "b", "transactional": True}}]},
                    ],
                },
            ],
        }
    )


async def activate(conn: AsyncConnection[Any], journey: Journey) -> None:
    """Make a journey active as version 1, and save the mail of benchmarks, which it may name."""
    await save_mail(conn)
    program = compile_program(journey).model_dump_json()
    document = orjson.dumps(journey.as_document()).decode()
    compiled = {step.id: compile_step(step) for step in journey.all_steps()}
    contents = {step: each.as_json() for step, each in compiled.items() if each is not None}
    async with conn.transaction():
        hashes = dict(zip(contents, await keep_contents(conn, contents.values()), strict=True))
        await conn.execute(
            "insert into journey (key, state, active_version) values (%s, 'active', 1)",
            (journey.journey,),
        )
        await conn.execute(
            "insert into journey_version"
            " (journey, version, document, program, contents, source, sha256)"
            " values (%s, 1, %s, %s, %s, '', '')",
            (journey.journey, document, program, Jsonb(hashes)),
        )
        await conn.execute("update catalog set revision = revision + 1")


async def make_contacts(conn: AsyncConnection[Any], count: int) -> list[UUID]:
    """Insert contacts with an e-mail address and a phone number; returns their ids."""
    ids = [uuid4() for _ in range(count)]
    await conn.execute(
        "insert into contact (id, external_id, email, phone)"
        " select id, id::text, id || '@example.com', '+33612345678' from unnest(%s::uuid[]) id",
        (ids,),
    )
    return ids


async def accept(conn: AsyncConnection[Any], contacts: list[UUID], event: str = EVENT) -> None:
    """Write an event of each contact as ingest does, in one statement, and notify dispatchers."""
    await conn.execute(
        """
        with locked as (
            select id from contact where id = any(%(ids)s) order by id for no key update
        ), made as (
            insert into event (contact_id, name, message_id)
            select id, %(name)s, gen_random_uuid()::text from locked returning id, contact_id
        ), queued as (
            insert into outbox (contact_id, event_id) select contact_id, id from made
        )
        update contact c set last_event_id = made.id from made where made.contact_id = c.id
        """,
        {"ids": contacts, "name": event},
    )
    await notify(conn)
