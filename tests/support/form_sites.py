"""Forms of an installation, as strangers see them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr

from infra.settings import Settings
from journeys.links.form_stamps import FormStamp
from journeys.links.tokens import LinkKeys
from tests.support.api import serving
from tests.support.engine import activate

Pool = AsyncConnectionPool[AsyncConnection[Any]]
KEY = "k" * 32
ADA = "ada@example.com"
DOCUMENTS = """
brand: default
name: Acme & Sons
logo: https://cdn.acme.test/logo.png
colour: "#0b6e4f"
---
topic: news
name: Newsletter
default: double
---
form: sign-up
title: Our <letter>
intro: |
  One letter a week.
  No noise.
topic: news
consent: Yes, send me the letter.
fields:
  - {name: email, label: E-mail, type: email, required: true}
  - {name: first_name, label: First name, hint: As on the letter}
  - {name: phone, label: Phone, type: phone}
  - {name: gift, label: Send me a gift, type: checkbox}
locales:
  fr:
    title: Notre lettre
    consent: Oui, envoyez-moi la lettre.
    thanks: {text: "C'est fait."}
    fields: {first_name: {label: Prénom}}
---
form: quote
language: de
thanks: {url: "https://www.acme.test/danke?x=1"}
frames: ["https://www.acme.test", "https://shop.acme.test:8443"]
fields:
  - {name: email, label: E-Mail, type: email}
  - {name: size, label: Größe, type: choice, options: [small, large], required: true}
  - {name: message, label: Nachricht, lines: 4, keep: event}
---
form: boxed
topic: news
consent_box: required
fields: [{name: email, label: E-mail, type: email, required: true}]
---
form: offered
topic: news
consent_box: optional
fields: [{name: email, label: E-mail, type: email, required: true}]
"""
HTML = {"Accept": "text/html", "Accept-Language": "en-GB,en;q=0.8"}


def stamp(form: str, age: float = 60.0, key: str = KEY) -> str:
    """The stamp of a form that was shown some seconds ago."""
    return FormStamp.new(time.time() - age).text(LinkKeys([key]), form)


@dataclass
class Site:
    """The forms of an installation, as strangers see them."""

    pool: Pool
    client: httpx.AsyncClient

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.pool.connection() as conn:
            return await (await conn.execute(query.encode(), values)).fetchall()

    async def send(self, form: str = "sign-up", **fields: str) -> httpx.Response:
        """Post a form as a page without scripts does."""
        given = {"_stamp": stamp(form), **fields}
        return await self.client.post(f"/f/{form}", data=given)

    async def post(self, form: str = "sign-up", **body: Any) -> httpx.Response:
        """Post a form as a script does."""
        return await self.client.post(f"/f/{form}", json={"stamp": stamp(form), **body})

    async def submitted(self) -> list[tuple[UUID, dict[str, Any]]]:
        return await self.rows(
            "select contact_id, properties from event where name = 'Form Submitted' order by id"
        )

    async def contact(self, contact: UUID) -> dict[str, Any]:
        [(row,)] = await self.rows("select to_jsonb(c) from contact c where id = %s", contact)
        return {
            **{name: row[name] for name in ("email", "phone", "locale") if row[name] is not None},
            **row["attributes"],
        }

    async def consents(self) -> list[tuple[Any, ...]]:
        """The records of consents, oldest first."""
        return await self.rows(
            "select contact_id, topic, state, channel, address, source, text, request_address"
            " from consent_record order by id"
        )


@asynccontextmanager
async def serving_forms(settings: Settings, pool: Pool) -> AsyncIterator[Site]:
    """The forms of `DOCUMENTS`, served until the context ends."""
    links = {
        "public_url": "https://mail.acme.test",
        "link_keys": (SecretStr(KEY),),
        "consent_address": "keep",
    }
    await activate(pool, DOCUMENTS)
    with serving(settings.model_copy(update=links)) as url:
        async with httpx.AsyncClient(base_url=url, headers=HTML, timeout=30) as client:
            yield Site(pool, client)
