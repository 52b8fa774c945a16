"""A page of lines about contacts: merged into their contacts in set statements, under their locks.

Facts are recorded as by a tracking call: `Contact Created`, `Contact Changed`, `Group Joined`,
`Topic Subscribed`. Unless the import begins journeys, they have no outbox row, so no run begins,
and no wait ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from journeys.model.consents import Evidence
from journeys.model.contact_fields import EXTERNAL_ID
from journeys.model.well_known_events import GROUP_JOINED, TOPIC_SUBSCRIBED, TOPIC_UNSUBSCRIBED
from store.contacts.rows import (
    ATTRIBUTES_BOUND,
    Changes,
    LockedContact,
)
from store.events.contact_changes import ask_for_confirmation, contact_changed, contact_created
from store.events.effect_events import ENGINE, EffectCandidate, EffectRefused
from store.events.effects import EventEffects
from store.events.recording import PendingEvent
from store.imports.contact_finder import ContactFinder, KnownContact, reference_text
from store.imports.lines import ConsentLine, ContactLine
from store.imports.outcomes import Outcome
from store.imports.plans import ImportPlan
from store.imports.problems import LineRefused
from store.imports.writing import write_contacts
from store.sql import Connection, copy_rows, execute, fetch_all, sql

_MEMBERS = sql("""
select contact_id, group_key from group_member
where contact_id = any(%(contacts)s) and group_key = any(%(groups)s)
""")
_JOIN = sql("""
insert into group_member (contact_id, group_key)
select * from unnest(%(contacts)s::uuid[], %(groups)s::text[])
on conflict (contact_id, group_key) do nothing
""")
_TOPICS = sql("""
select key, document->>'default' from document where kind = 'topic' and key = any(%(topics)s)
""")
_CONSENTS = sql("""
select contact_id, topic, state, changed_at from topic_state
where contact_id = any(%(contacts)s) and topic = any(%(topics)s)
""")
_COPY_CREATED = sql("""
copy import_change (job_id, contact_id, created, last_event_id, groups, consents) from stdin
""")
# A contact that stands on several pages keeps what was there before the first.
_KEEP_CHANGES = sql("""
insert into import_change as c (job_id, contact_id, created, last_event_id, before, after, names,
                                groups, consents)
select %(job)s, g.contact_id, g.created, g.last_event_id, g.before, g.after, g.names, g.groups,
       g.consents
from json_to_recordset(%(changes)s::json) as g(contact_id uuid, created bool, last_event_id bigint,
    before jsonb, after jsonb, names jsonb, groups jsonb, consents int)
order by g.contact_id
on conflict (job_id, contact_id) do update set
    last_event_id = greatest(c.last_event_id, excluded.last_event_id),
    before = (excluded.before - array(select jsonb_array_elements_text(coalesce(c.names, '[]'))))
        || coalesce(c.before, '{}'),
    after = (coalesce(c.after, '{}')
        - array(select jsonb_array_elements_text(excluded.names))) || excluded.after,
    names = (select coalesce(jsonb_agg(distinct n), '[]') from jsonb_array_elements(
        coalesce(c.names, '[]') || excluded.names) n),
    groups = coalesce(c.groups, '[]') || excluded.groups,
    consents = c.consents + excluded.consents
""")
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_ROOM: Final = 32 * 1024
"""Attributes smaller than this cannot be too large together with those of a line as small."""
_NAMESPACE: Final = UUID("7d0a4e52-6a1f-4b3e-9a53-6d1c0b7ce111")
_WORDS: Final = {"subscribed": TOPIC_SUBSCRIBED, "confirmed": TOPIC_SUBSCRIBED,
                 "pending": TOPIC_SUBSCRIBED, "unsubscribed": TOPIC_UNSUBSCRIBED}  # fmt: skip


async def import_contacts(
    conn: Connection, plan: ImportPlan, job_id: UUID, lines: Sequence[ContactLine], *, show: int
) -> Outcome:
    """Merge lines into their contacts, in their order, in the caller's transaction.

    Raises ConcurrentChange if another transaction got in between: roll back and begin again.
    """
    page = _Page(conn, plan, job_id)
    await page.lock(lines)
    for line in lines:
        page.apply(line, show=len(page.outcome.shown) < show)
    await page.write()
    return page.outcome


class _Page:
    """The locked contacts of a page, and what is to be written."""

    def __init__(self, conn: Connection, plan: ImportPlan, job_id: UUID) -> None:
        self._conn = conn
        self._plan = plan
        self._job_id = job_id
        self._finder = ContactFinder(conn, plan, job_id)
        self._effects = EventEffects()
        self._events: list[PendingEvent] = []
        self._members: set[tuple[UUID, str]] = set()
        self._joined: list[tuple[UUID, str]] = []
        self._topics: dict[str, str] = {}
        self._consents: dict[tuple[UUID, str], tuple[str, datetime]] = {}
        self.outcome = Outcome()

    async def lock(self, lines: Sequence[ContactLine]) -> None:
        """Lock the contacts, and read what the lines need of them."""
        conn = self._conn
        await self._finder.lock([line.reference for line in lines])
        existing = list(self._finder.known)
        groups = {group for line in lines for group in line.groups}
        if groups and existing:
            wanted = {"contacts": existing, "groups": list(groups)}
            self._members.update(await fetch_all(conn, _MEMBERS, wanted))
            self._members.update(self._finder.members)
        topics = {consent.topic for line in lines for consent in line.consents}
        if topics:
            wanted = {"contacts": existing, "topics": list(topics)}
            self._topics.update(
                (key, default or "") for key, default in await fetch_all(conn, _TOPICS, wanted)
            )
            self._consents.update(
                ((contact, topic), (state, at))
                for contact, topic, state, at in await fetch_all(conn, _CONSENTS, wanted)
            )
            await self._effects.consents.load(conn, topics, existing)
        if existing and any("email" in line.values or "phone" in line.values for line in lines):
            await self._effects.consents.load_confirmed(conn, existing)

    def apply(self, line: ContactLine, *, show: bool) -> None:
        """Apply one line to its contact in memory."""
        outcome, reference = self.outcome, reference_text(line.reference)
        try:
            known = self._finder.find(line.reference)
            contact = known.contact
            self._refuse_oversize(contact, line)
        except LineRefused as refused:
            outcome.refused.append((line.line, refused.code, str(refused), reference))
            return
        outcome.left_out += [(line.line, code, why, reference) for code, why in line.warnings]
        new = contact.new and not contact.touched
        contact.touched = True
        if new:
            self._events.append(contact_created(contact.id))
        changes = contact.set(line.values)
        for source, values in line.derived.items():
            changes.update(contact.fill(values, source))
        if changes:
            self._record(known, changes)
        acts = self._join_groups(known, line.groups)
        for consent in line.consents:
            acts += self._consent(known, consent, line, reference)
        if new:
            outcome.created += 1
        elif changes or acts:
            outcome.updated += 1
        else:
            outcome.unchanged += 1
        if show:
            self._show(line, known, new, changes, acts)

    def _refuse_oversize(self, contact: LockedContact, line: ContactLine) -> None:
        small = len(contact.attributes_json) < _ROOM and len(line.values) < 500
        likely = contact.touched or not small or line.size > _ROOM
        if likely and contact.would_exceed(line.values):
            raise LineRefused("attributes_oversize", ATTRIBUTES_BOUND)

    def _record(self, known: KnownContact, changes: Changes) -> None:
        contact = known.contact
        for name, (before, _after) in changes.items():
            if name not in known.changes and before is not None:
                known.before[name] = before
        known.changes.update(changes)
        event = contact_changed(contact.id, changes, message_id=self._finder.ids.text())
        self._events.append(event)
        if not known.created and not changes.keys().isdisjoint(contact.addresses):
            self._events += ask_for_confirmation(contact, self._effects, event)

    def _join_groups(self, known: KnownContact, groups: Iterable[str]) -> int:
        joined = 0
        contact_id = known.contact.id
        for group in groups:
            if (contact_id, group) in self._members:
                continue
            self._members.add((contact_id, group))
            self._joined.append((contact_id, group))
            known.groups.append(group)
            properties = orjson.Fragment(orjson.dumps({"group": group}))
            self._events.append(
                PendingEvent(contact_id, GROUP_JOINED, properties, self._finder.ids.text())
            )
            joined += 1
        self.outcome.joined += joined
        return joined

    def _consent(
        self, known: KnownContact, consent: ConsentLine, line: ContactLine, reference: str | None
    ) -> int:
        """Record one consent, and 1; or 0 if it holds already, or is left out."""
        try:
            return self._stage_consent(known, consent)
        except EffectRefused as refused:
            self.outcome.left_out.append((line.line, refused.code, str(refused), reference))
            return 0

    def _stage_consent(self, known: KnownContact, consent: ConsentLine) -> int:
        contact, topic = known.contact, consent.topic
        if topic not in self._topics:
            raise EffectRefused("unknown_topic", f"there is no topic {topic!r}")
        double = self._topics[topic] == "double"
        if consent.state == "pending" and not double:
            raise EffectRefused("pending", f"{topic}: pending is of topics with `default: double`")
        before = self._consents.get((contact.id, topic))
        if before is not None:
            state, changed_at = before
            if state == "unsubscribed" and consent.state != "unsubscribed":
                # Who withdrew a consent has not given it again by an older list.
                if consent.at is None or consent.at <= changed_at:
                    raise EffectRefused("withdrawn", f"{topic}: the contact has unsubscribed since")
            elif (
                state == consent.state
                or (state, consent.state) == ("subscribed", "pending")
                or (
                    state == "subscribed"
                    and not self._effects.consents.unconfirmed_topics(contact.id, contact.addresses)
                    and consent.state != "unsubscribed"
                )
                or (state, consent.state) == ("pending", "subscribed")
            ):
                return 0
        properties: dict[str, Any] = {"topic": topic}
        if consent.state == "confirmed":
            properties["verified"] = True
        message_id = self._finder.ids.text()
        candidate = EffectCandidate(
            contact.id,
            _WORDS[consent.state],
            properties,
            contact.addresses,
            evidence=Evidence(
                source=_source(consent.source),
                text=consent.text,
                request_address=consent.request_address,
                given_at=consent.at,
            ),
        )
        staged = self._effects.stage(candidate, message_id, ENGINE)
        self._events.append(
            PendingEvent(
                contact.id,
                candidate.name,
                orjson.Fragment(orjson.dumps(staged.properties)),
                message_id,
                client_at=consent.at,
                original_at=consent.at,
            )
        )
        becomes = "pending" if double and consent.state in ("subscribed", "pending") else (
            "unsubscribed" if consent.state == "unsubscribed" else "subscribed"
        )  # fmt: skip
        self._consents[contact.id, topic] = becomes, _NEVER
        known.consents += 1
        self.outcome.consents += 1
        return 1

    def _show(
        self, line: ContactLine, known: KnownContact, new: bool, changes: Changes, acts: int
    ) -> None:
        contact = known.contact
        self.outcome.shown.append(
            (
                line.line,
                {
                    "outcome": "created" if new else "updated" if changes or acts else "unchanged",
                    EXTERNAL_ID: contact.external_id,
                    "values": {
                        name: value for name, value in line.values.items() if value is not None
                    },
                    "changes": sorted(changes),
                    "groups": line.groups,
                    "topics": {each.topic: each.state for each in line.consents},
                },
            )
        )

    async def write(self) -> None:
        """Write what was applied."""
        conn, plan = self._conn, self._plan
        touched = [known for known in self._finder.known.values() if known.contact.touched]
        if plan.dry_run:
            await self._keep(touched, {})
            return
        newest = await write_contacts(
            conn,
            (known.contact for known in touched),
            self._events,
            outbox=plan.begin_journeys,
        )
        if self._joined:
            await execute(
                conn,
                _JOIN,
                {
                    "contacts": [contact_id for contact_id, _ in self._joined],
                    "groups": [group for _, group in self._joined],
                },
            )
        await self._effects.write(conn)
        await self._keep(touched, newest)
        self.outcome.contacts = [
            known.contact.id for known in touched if known.contact.id in newest
        ]

    async def _keep(self, touched: Sequence[KnownContact], newest: dict[UUID, int]) -> None:
        """Keep what was done to each contact, so that it can be undone."""
        changed = [each for each in touched if _is_changed(each)]
        created = [each for each in changed if each.created and not self._plan.dry_run]
        if created:
            await copy_rows(
                self._conn,
                _COPY_CREATED,
                (
                    (self._job_id, each.contact.id, True, newest.get(each.contact.id, 0),
                     orjson.dumps(each.groups).decode() if each.groups else None, each.consents)
                    for each in created
                ),
            )  # fmt: skip
        others = [each for each in changed if self._plan.dry_run or not each.created]
        if others:
            rows = [
                {
                    "contact_id": each.contact.id,
                    "created": each.created,
                    "last_event_id": newest.get(each.contact.id, 0),
                    "before": each.before,
                    "after": {
                        name: after
                        for name, (_, after) in each.changes.items()
                        if after is not None
                    },
                    "names": sorted(each.changes),
                    "groups": each.groups,
                    "consents": each.consents,
                }
                for each in others
            ]
            await execute(
                self._conn,
                _KEEP_CHANGES,
                {"job": self._job_id, "changes": orjson.dumps(rows).decode()},
            )


def _is_changed(known: KnownContact) -> bool:
    return known.created or bool(known.changes or known.groups or known.consents)


def _source(named: str | None) -> Any:
    return named or "import"
