"""The bare routes that the tracking API is compared with: a statement each, and nothing else.

They have the pool and the server of the API. Nothing is checked: no key, no field, no limit, and no
event that was sent before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import orjson
from fastapi import FastAPI, Request

from infra.clients import open_pool
from infra.settings import read_settings
from store.tables.identifiers import new_id

TABLE = (
    "create table bare_event (id bigserial primary key, contact text, name text,"
    " properties jsonb, message_id text, received_at timestamptz default now())"
)
_INSERT = (
    "insert into bare_event (contact, name, properties, message_id)"
    " select contact, name, properties, message_id from jsonb_to_recordset(%s)"
    " g(contact text, name text, properties jsonb, message_id text)"
)
# What a contact's first event writes: the contact, `Contact Created`, the event, and both to be
# dispatched, in the tables of the engine.
_INSERT_ALL = """
with given as materialized (
    select * from json_to_recordset(%s)
        g(id uuid, contact text, name text, properties jsonb, message_id text)
), made as (
    insert into event (contact_id, name, properties, message_id, source)
    select id, 'Contact Created', '{}', id::text, 'engine' from given
    union all select id, name, properties, message_id, 'bare' from given
    returning id, contact_id
), queued as (
    insert into outbox (contact_id, event_id) select contact_id, id from made
)
insert into contact (id, external_id, last_event_id)
select g.id, g.contact, m.newest from given g
join (select contact_id, max(id) as newest from made group by contact_id) m on m.contact_id = g.id
"""


def bare_app() -> FastAPI:
    """An app with three routes that insert the items of a request in one statement."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        settings = read_settings()
        app.state.pool = await open_pool(
            settings, min_size=2, max_size=settings.database_connections, plans_kept=False
        )
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/track")
    async def track(request: Request) -> dict[str, bool]:
        await _insert(request, _INSERT, [_row(orjson.loads(await request.body()))])
        return {"success": True}

    @app.post("/known")
    async def known(request: Request) -> dict[str, bool]:
        items = orjson.loads(await request.body())["batch"]
        await _insert(request, _INSERT, [_row(item) for item in items])
        return {"success": True}

    @app.post("/new")
    async def new(request: Request) -> dict[str, bool]:
        items = orjson.loads(await request.body())["batch"]
        await _insert(request, _INSERT_ALL, [{"id": new_id(), **_row(item)} for item in items])
        return {"success": True}

    return app


def _row(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "contact": item["userId"],
        "name": item["event"],
        "properties": item["properties"],
        "message_id": item["messageId"],
    }


async def _insert(request: Request, query: LiteralString, rows: list[dict[str, Any]]) -> None:
    async with request.app.state.pool.connection() as conn:
        await conn.execute(query, (orjson.dumps(rows).decode(),))
