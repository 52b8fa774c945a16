"""Contacts of the reference evaluator, written into the database and read from it as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from tests.support.reference_conditions import PastEvent, ReferenceContact, World

FIELDS = (
    "external_id", "email", "phone", "timezone", "locale", "country", "score", "lifecycle",
)  # fmt: skip


async def store_contacts(
    conn: AsyncConnection[Any], contacts: Mapping[UUID, ReferenceContact]
) -> None:
    """Insert contacts with their events, groups and consents, past the engine."""
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "insert into contact (id, attributes, external_id, email, phone, timezone, locale,"
            " country, score, lifecycle) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    key,
                    Jsonb({k: v for k, v in each.attributes.items() if k not in FIELDS}),
                    *({"score": 0, **each.attributes}.get(name) for name in FIELDS),
                )
                for key, each in contacts.items()
            ],
        )
        await cursor.executemany(
            "insert into event (contact_id, name, properties, message_id, stamped_at, client_at)"
            " values (%s, %s, %s, %s, %s, %s)",
            [
                (
                    key, event.name, Jsonb(event.properties), str(uuid4()), event.stamped_at,
                    event.occurred_at,
                )
                for key, each in contacts.items()
                for event in each.events
            ],
        )  # fmt: skip
        await cursor.executemany(
            "insert into group_member (contact_id, group_key) values (%s, %s)",
            [(key, group) for key, each in contacts.items() for group in sorted(each.groups)],
        )
        await cursor.executemany(
            "insert into topic_state (contact_id, topic, state) values (%s, %s, %s)",
            [
                (key, topic, state)
                for key, each in contacts.items()
                for topic, state in each.topics.items()
            ],
        )


async def store_documents(conn: AsyncConnection[Any], world: World) -> None:
    """Insert the topics, lists of places and segments of a world, and count a revision."""
    documents: list[tuple[str, str, dict[str, Any]]] = [
        *(
            ("topic", key, {"topic": key, "name": key, "default": default})
            for key, default in world.topics.items()
        ),
        *(
            (
                "places",
                key,
                {
                    "places": key,
                    "list": [
                        {"name": f"{key} {number}", "lat": lat, "lon": lon}
                        for number, (lat, lon) in enumerate(points)
                    ],
                },
            )
            for key, points in world.places.items()
        ),
        *(
            ("segment", key, {"segment": key, "if": condition})
            for key, condition in world.segments.items()
        ),
    ]
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "insert into document (kind, key, document, source, sha256)"
            " values (%s, %s, %s, '', '')",
            [(kind, key, Jsonb(document)) for kind, key, document in documents],
        )
        await cursor.execute("update catalog set revision = revision + 1")


async def read_contacts(
    conn: AsyncConnection[Any], ids: Collection[UUID] | None = None
) -> dict[UUID, ReferenceContact]:
    """Contacts as their rows say; all of them without ids."""
    asked = None if ids is None else list(ids)
    cursor = await conn.execute(
        f"select id, attributes, {', '.join(FIELDS)} from contact"
        " where %(ids)s::uuid[] is null or id = any(%(ids)s)".encode(),
        {"ids": asked},
    )
    contacts = {
        row[0]: ReferenceContact(attributes={**row[1], **dict(zip(FIELDS, row[2:], strict=True))})
        for row in await cursor.fetchall()
    }
    of_contacts = "where %(ids)s::uuid[] is null or contact_id = any(%(ids)s)"
    cursor = await conn.execute(
        "select contact_id, id, name, properties, occurred_at, stamped_at from event"
        f" {of_contacts} order by id".encode(),
        {"ids": asked},
    )
    for contact, *event in await cursor.fetchall():
        if contact in contacts:
            contacts[contact].events.append(PastEvent(*event))
    cursor = await conn.execute(
        f"select contact_id, group_key from group_member {of_contacts}".encode(), {"ids": asked}
    )
    for contact, group in await cursor.fetchall():
        contacts[contact].groups.add(group)
    cursor = await conn.execute(
        f"select contact_id, topic, state from topic_state {of_contacts}".encode(), {"ids": asked}
    )
    for contact, topic, state in await cursor.fetchall():
        contacts[contact].topics[topic] = state
    return contacts
