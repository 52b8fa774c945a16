"""Everything that is held about one contact, table by table, as it is handed out to that person.

Every table with a column `contact_id` is part of it, those of the future too, unless it is listed
as holding nothing of the person. What belongs to its runs and messages is found through these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlmodel import SQLModel

from journeys.model.json_values import read_json
from store.messages.kept_contents import unpack_content
from store.messages.suppressions import digest_of
from store.sql import Connection, Sql, fetch_one, fetch_value, name, sql, stream_rows

HOLD_NOTHING: Final[Mapping[str, str]] = {
    "erasure": "it names a contact only once that contact has no data any more",
    "imported_event": "it says which job recorded an event; the event is exported",
    "job_chunk": "files of jobs are deleted after a few days; what was imported is exported",
    "listener": "it says what a waiting run is woken for: its entry and its journey are exported",
    "occurrence_address": "it says by a hash which run writes to an address; runs are exported",
    "outbox": "it says which events are still to be looked at; the events are exported",
    "parked_call": "it is a call to Temporal that is still to be made for a run",
    "receipt": "it is the id that a client gave to one of its calls",
    "repair_item": "it says which runs and messages a job repairs; these are exported",
    "segment_due": "it says when a condition is to be looked at again",
    "straggler": "it says which runs a job has still to move",
}
"""Tables that refer to a contact, a run, a message or an event, and why they are not exported."""

_TITLES: Final[Mapping[str, str]] = {
    "contact": "Who you are to us",
    "identity": "Ids of your browsers and devices",
    "contact_alias": "Earlier ids that were merged into yours",
    "topic_state": "What you subscribe to",
    "channel_state": "Channels you allowed or refused",
    "consent_record": "Your consents, as they were given and withdrawn",
    "suppression": "Addresses of yours that we never write to",
    "group_member": "Groups you are in",
    "segment_member": "Segments you are in",
    "segment_change": "Segments you entered and left",
    "event": "What you did, and what happened to you",
    "message": "Messages to you",
    "message_attempt": "Earlier attempts to send them",
    "kept_content": "What the messages said",
    "link_hit": "Requests for their links",
    "short_link": "Short links in them",
    "test_message": "Messages that were sent to look at a template with your data",
    "run": "Journeys you went through",
    "visit": "Steps of these journeys",
    "goal": "Goals of these journeys",
    "run_repair": "What operators changed in them",
    "last_entry": "Journeys you began before that",
    "refusal": "Journeys you were not let into",
    "holdout_observation": "Whether you were left out of journeys to measure them",
    "start_request": "Requests to begin a journey for you",
    "coupon": "Codes you got",
    "rejected_item": "What was sent about you and not accepted",
    "import_change": "What imports changed of you",
    "import_line": "Lines of imports about you that were not accepted",
    "fault": "Technical faults with your data",
    "dead_event": "Events that could not be worked on",
}
"""The tables in their order, each with a title; others follow under their names."""

_QUERIES: Final[Mapping[str, Sql]] = {
    "contact": sql("""
        select to_jsonb(t)::text, null::bytea from contact t where t.id = %(contact)s
    """),
    "event": sql("""
        select to_jsonb(t)::text, null::bytea from event t
        where t.contact_id = %(contact)s order by t.id
    """),
    "visit": sql("""
        select to_jsonb(t)::text, null::bytea from run r join visit t on t.run_id = r.id
        where r.contact_id = %(contact)s order by t.run_id, t.visit
    """),
    "kept_content": sql("""
        select (to_jsonb(t) - 'content')::text, t.content
        from message m join kept_content t on t.message_id = m.id
        where m.contact_id = %(contact)s
    """),
    "start_request": sql("""
        select to_jsonb(t)::text, null::bytea
        from run r join start_request t on t.answer ->> 'id' = r.id::text
        where r.contact_id = %(contact)s
    """),
    "rejected_item": sql("""
        select to_jsonb(t)::text, null::bytea from rejected_item t
        where t.reference = any(%(references)s)
    """),
    "import_line": sql("""
        select to_jsonb(t)::text, null::bytea from import_line t
        where t.reference = any(%(references)s)
    """),
    "suppression": sql("""
        select to_jsonb(t)::text, null::bytea
        from unnest(%(digests)s::text[]) d(digest)
        cross join lateral (select parcours.suppression_hashes(d.digest) as hashes) h
        join suppression t on t.address_hash = any(h.hashes)
        where t.channel in ('email', 'sms')
    """),
    **{
        table: sql(
            """
            select to_jsonb(t)::text, null::bytea from message m
            join {table} t on t.message_id = m.id where m.contact_id = %(contact)s
            """,
            table=name(table),
        )
        for table in ("message_attempt", "link_hit", "short_link")
    },
    "run_repair": sql("""
        select to_jsonb(t)::text, null::bytea from run r join run_repair t on t.run_id = r.id
        where r.contact_id = %(contact)s
    """),
    # A fault of a run, or of an event, does not always name the contact.
    "fault": sql("""
        select to_jsonb(t)::text, null::bytea from fault t where t.contact_id = %(contact)s
        union
        select to_jsonb(t)::text, null from run r join fault t on t.run_id = r.id
        where r.contact_id = %(contact)s
    """),
}
"""The rows of a table that are about a contact; of other tables those with its `contact_id`."""

_REFERENCES = sql("""
select array[external_id, id::text, email, phone]
           || array(select anonymous_id from identity where contact_id = c.id)
           || array(select external_id from contact_alias where contact_id = c.id),
       array_remove(array[email, phone], null)
from contact c where id = %(contact)s
""")


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the export."""

    table: str
    title: str
    query: Sql


def _sections() -> tuple[Section, ...]:
    by_contact = {
        table.name
        for table in SQLModel.metadata.sorted_tables
        if "contact_id" in table.columns and table.name not in HOLD_NOTHING
    }
    others = sorted(by_contact - _TITLES.keys())
    found = []
    for table in (*_TITLES, *others):
        query = _QUERIES.get(table) or sql(
            "select to_jsonb(t)::text, null::bytea from {table} t where t.contact_id = %(contact)s",
            table=name(table),
        )
        title = _TITLES.get(table) or table.replace("_", " ").capitalize()
        found.append(Section(table, title, query))
    return tuple(found)


SECTIONS: Final = _sections()
"""What is exported, in its order."""

COUNTED: Final = 10_000
"""Rows of a table that are counted, at most."""
_COUNTS: Final[Mapping[str, Sql]] = {
    section.table: sql(
        "select count(*) from ({rows} limit %(counted)s) held(about, content)", rows=section.query
    )
    for section in SECTIONS
}


async def export_rows(
    conn: Connection, contact_id: UUID
) -> AsyncIterator[tuple[Section, AsyncIterator[dict[str, Any]]]]:
    """Each section with its rows, in the caller's transaction; a page of them is in memory at most.

    The rows of a section are taken before the next one is asked for.
    """
    wanted = await _wanted(conn, contact_id)
    for section in SECTIONS:
        yield section, _rows(conn, section, wanted)


async def count_rows(conn: Connection, contact_id: UUID) -> dict[str, int]:
    """How many rows of each table are about a contact, at most `COUNTED`; tables without are out.

    They are those of `export_rows`.
    """
    wanted = await _wanted(conn, contact_id)
    found = {}
    for section in SECTIONS:
        count = await fetch_value(conn, _COUNTS[section.table], {**wanted, "counted": COUNTED})
        if count:
            found[section.table] = int(count)
    return found


async def _wanted(conn: Connection, contact_id: UUID) -> dict[str, Any]:
    found = await fetch_one(conn, _REFERENCES, {"contact": contact_id})
    references, addresses = found or ([], [])
    return {
        "contact": contact_id,
        "references": [each for each in references if each is not None],
        "digests": [digest_of(each) for each in addresses],
    }


async def _rows(
    conn: Connection, section: Section, wanted: Mapping[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    async for text, packed in stream_rows(conn, section.query, wanted):
        row: dict[str, Any] = read_json(text)
        if packed is not None:
            row["content"] = unpack_content(bytes(packed))
        yield row
