"""Journeys made active, contacts made known and events accepted, as an engine's test needs them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from ruamel.yaml import YAML
from temporalio.client import Client, WorkflowHandle

from dispatch.dispatcher import Dispatcher
from infra.settings import Settings
from journeys.compile.program_compiler import compile_program
from journeys.model.documents import DOCUMENT_KINDS, Template
from journeys.model.journey import Journey
from journeys.protocol.names import workflow_id
from journeys.templating.compilation import compile_template
from store.definitions.contents import save_template_contents
from store.events.recording import NewEvent, record_events
from store.segments.generations import begin_generations
from tests.support.conditions import eventually
from worker import serving

LATE_STARTS = timedelta(seconds=0.5)
"""Of the one dispatcher, which begins a round at once."""


@dataclass
class Engine:
    """A worker at work on the test's own database and namespace."""

    pool: AsyncConnectionPool[AsyncConnection[Any]]
    client: Client
    dispatcher: Dispatcher

    async def activate(self, text: str) -> None:
        """Make the journey, topics and channels of a YAML text active."""
        await activate(self.pool, text)

    async def contact(self, **columns: Any) -> UUID:
        """A contact with these columns (`email`, `phone`, `timezone`, `attributes`…)."""
        return await make_contact(self.pool, **columns)

    async def event(self, contact: UUID, name: str, **properties: Any) -> int:
        """Accept an event of a contact, and tell the dispatcher; its id."""
        event_id = await accept(self.pool, contact, name, properties)
        self.dispatcher.nudge()
        return event_id

    async def run_of(self, contact: UUID) -> dict[str, Any]:
        """The newest run of a contact, waited for."""

        async def found() -> Any:
            return await newest_run(self.pool, contact)

        run: dict[str, Any] = await eventually(found)
        return run

    async def ended(self, contact: UUID, timeout: float = 60.0) -> dict[str, Any]:
        """The newest run of a contact, waited for until it has ended."""

        async def found() -> Any:
            run = await newest_run(self.pool, contact)
            return run if run is not None and run["state"] == "ended" else None

        run: dict[str, Any] = await eventually(found, timeout=timeout)
        return run

    async def standing_at(self, contact: UUID, step: str, timeout: float = 60.0) -> dict[str, Any]:
        """The newest run of a contact, waited for until it stands at a step."""

        async def found() -> Any:
            run = await newest_run(self.pool, contact)
            if run is None or run["step"] != step:
                return None
            return run if (await self.visits(run["id"]))[-1]["outcome"] is None else None

        run: dict[str, Any] = await eventually(found, timeout=timeout)
        return run

    async def visits(self, run_id: UUID) -> list[dict[str, Any]]:
        """The visits of a run, in order."""
        return await visits(self.pool, run_id)

    async def path(self, run_id: UUID) -> list[tuple[str, str | None]]:
        """Step and outcome of each visit."""
        return [(visit["step"], visit["outcome"]) for visit in await self.visits(run_id)]

    def workflow(self, run: dict[str, Any]) -> WorkflowHandle[Any, Any]:
        """The handle of a run's workflow."""
        return self.client.get_workflow_handle(workflow_id(run["journey"], run["id"]))


@asynccontextmanager
async def engine_at_work(
    settings: Settings,
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    client: Client,
    *,
    late_starts: timedelta = LATE_STARTS,
    **options: Any,
) -> AsyncIterator[Engine]:
    """A worker in this process, until the context ends."""
    async with serving(settings, client, late_starts=late_starts, **options) as dispatcher:
        yield Engine(pool, client, dispatcher)


async def activate(pool: AsyncConnectionPool[AsyncConnection[Any]], text: str) -> None:
    """Make the journeys, topics and templates of a YAML text active."""
    templates: dict[str, Template] = {}
    async with pool.connection() as conn, conn.transaction():
        for document in YAML(typ="safe").load_all(text):
            if "journey" in document:
                await _activate_journey(conn, Journey.model_validate(document))
            else:
                kind = next(iter(document))
                assert kind in DOCUMENT_KINDS
                await conn.execute(
                    "insert into document (kind, key, document, source, sha256)"
                    " values (%s, %s, %s, '', '')",
                    (kind, document[kind], Jsonb(document)),
                )
                if kind == "template":
                    templates[document[kind]] = Template.model_validate(document)
        for key, template in templates.items():
            contents = compile_template(template, templates).contents
            await save_template_contents(
                conn, key, {locale: each.as_json() for locale, each in contents.items()}
            )
        await conn.execute("update catalog set revision = revision + 1")
        await begin_generations(conn)


async def _activate_journey(conn: AsyncConnection[Any], journey: Journey) -> None:
    document = journey.as_document()
    await conn.execute(
        "insert into journey (key, state, active_version) values (%(key)s, 'active', 1)"
        " on conflict (key) do update set active_version = journey.active_version + 1",
        {"key": journey.journey},
    )
    await conn.execute(
        "insert into journey_version (journey, version, document, program, source, sha256)"
        " select key, active_version, %s, %s, '', %s from journey where key = %s",
        (
            Jsonb(document),
            Jsonb(compile_program(journey).model_dump(mode="json")),
            hashlib.sha256(orjson.dumps(document)).hexdigest(),
            journey.journey,
        ),
    )


async def make_contact(pool: AsyncConnectionPool[AsyncConnection[Any]], **columns: Any) -> UUID:
    """A contact with these columns."""
    contact = uuid4()
    columns = {"id": contact, "external_id": contact.hex, **columns}
    columns["attributes"] = Jsonb(columns.get("attributes", {}))
    names = ", ".join(columns)
    places = ", ".join(f"%({name})s" for name in columns)
    async with pool.connection() as conn:
        await conn.execute(f"insert into contact ({names}) values ({places})", columns)
    return contact


async def accept(
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    contact: UUID,
    name: str,
    properties: dict[str, Any],
) -> int:
    """Record an event under its contact's lock, as ingest does; its id."""
    async with pool.connection() as conn, conn.transaction():
        await conn.execute("select from contact where id = %s for no key update", (contact,))
        [event_id] = await record_events(conn, contact, [NewEvent(name, properties)])
        return event_id


async def newest_run(
    pool: AsyncConnectionPool[AsyncConnection[Any]], contact: UUID
) -> dict[str, Any] | None:
    """The newest run of a contact, as its row."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select to_jsonb(r) from run r where contact_id = %s order by started_at desc limit 1",
            (contact,),
        )
        row = await cursor.fetchone()
    return None if row is None else {**row[0], "id": UUID(row[0]["id"])}


async def visits(
    pool: AsyncConnectionPool[AsyncConnection[Any]], run_id: UUID
) -> list[dict[str, Any]]:
    """The visits of a run, in order, as rows."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "select to_jsonb(v) from visit v where run_id = %s order by visit", (run_id,)
        )
        return [row[0] for row in await cursor.fetchall()]
