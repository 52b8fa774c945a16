"""A page of lines about contacts: merged into their contacts in set statements, under their locks.

Facts are recorded as by a tracking call: `Contact Created`, `Contact Changed`, `Group Joined`,
`Topic Subscribed`. Unless the import begins journeys, they have no outbox row, so no run begins,
and no wait ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

import orjson

from journeys.model.consents import Evidence
from journeys.model.contact_fields import EXTERNAL_ID
from journeys.model.well_known_events import GROUP_JOINED, TOPIC_SUBSCRIBED, TOPIC_UNSUBSCRIBED
from store.contacts.rows import (
    ATTRIBUTES_BOUND,
    Changes,
    LockedContact,
    find_own_ids,
    lock_and_read_contacts,
    merged_names,
    parse_reference,
)
from store.events.contact_changes import ask_for_confirmation, contact_changed, contact_created
from store.events.effect_events import ENGINE, EffectCandidate, EffectRefused
from store.events.effects import EventEffects
from store.events.recording import ConcurrentChange, PendingEvent
from store.imports.lines import ConsentLine, ContactLine, Reference
from store.imports.plans import ImportPlan
from store.imports.problems import LineRefused
from store.imports.writing import write_contacts
from store.sql import Connection, copy_rows, execute, fetch_all, sql
from store.tables.identifiers import RandomIds

_BY_EMAIL = sql("""
select g.n, c.id from unnest(%(addresses)s::text[]) with ordinality as g(address, n)
join contact c on lower(c.email) = lower(g.address)
""")
_BY_PHONE = sql("""
select g.n, c.id from unnest(%(addresses)s::text[]) with ordinality as g(address, n)
join contact c on c.phone = g.address
""")
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
_SEEN = sql("""
select contact_id, created, after, names, groups from import_change
where job_id = %(job)s and contact_id = any(%(contacts)s)
""")
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_ROOM: Final = 32 * 1024
"""Attributes smaller than this cannot be too large together with those of a line as small."""
_NAMESPACE: Final = UUID("7d0a4e52-6a1f-4b3e-9a53-6d1c0b7ce111")
_WORDS: Final = {"subscribed": TOPIC_SUBSCRIBED, "confirmed": TOPIC_SUBSCRIBED,
                 "pending": TOPIC_SUBSCRIBED, "unsubscribed": TOPIC_UNSUBSCRIBED}  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What has become of a page."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    joined: int = 0
    consents: int = 0
    events: int = 0
    repeated: int = 0
    suppressed: int = 0
    known: int = 0
    refused: list[tuple[int, str, str, str | None]] = field(default_factory=list)
    """Line, code, message, and the reference of its contact."""
    left_out: list[tuple[int, str, str, str | None]] = field(default_factory=list)
    shown: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Of a dry run: the first lines as they would be."""
    contacts: list[UUID] = field(default_factory=list)
    """Whose segments are to be judged."""


@dataclass(slots=True)
class _Known:
    """What was found of a contact, and what the page does to it."""

    contact: LockedContact
    created: bool = False
    before: dict[str, Any] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    groups: list[str] = field(default_factory=list)
    consents: int = 0
    own: bool = False
    """Whether an earlier page of the same import created it."""


def reference_text(reference: Reference) -> str | None:
    """The reference as it is shown with a refused line."""
    own = None if reference.own_id is None else str(reference.own_id)
    return reference.external_id or reference.email or reference.phone or own


class ContactFinder:
    """Finds and locks the contacts that lines name, and makes those that do not exist."""

    def __init__(self, conn: Connection, plan: ImportPlan, job_id: UUID) -> None:
        self._conn = conn
        self._plan = plan
        self._job_id = job_id
        self.ids = RandomIds()
        self.known: dict[UUID, _Known] = {}
        self._by_external: dict[str, _Known] = {}
        self._by_address: dict[str, list[UUID]] = {}
        self._taken: set[UUID] = set()
        self.members: set[tuple[UUID, str]] = set()
        """Of a dry run: the groups that earlier pages would have joined."""

    async def lock(self, references: Sequence[Reference]) -> None:
        """Lock the contacts that exist, in the order of their ids."""
        conn, by = self._conn, self._plan.by
        external = list({each.external_id for each in references if each.external_id is not None})
        ids = [each.own_id for each in references if each.own_id is not None]
        if by != "external_id":
            await self._find_addresses(references)
            ids += [found for each in self._by_address.values() for found in each]
        locked = await lock_and_read_contacts(conn, external=sorted(external), ids=sorted(set(ids)))
        for contact in locked:
            self._add(_Known(contact))
        for external_id, contact in merged_names(locked).items():
            self._by_external[external_id] = self.known[contact.id]
        if by != "external_id":
            self._check_addresses()
        missing = [each for each in external if each not in self._by_external]
        self._taken = await find_own_ids(conn, missing)
        if self._plan.dry_run:
            await self._apply_seen(references)
        elif self._plan.mode == "only_new" and self.known:
            wanted = {"job": self._job_id, "contacts": list(self.known)}
            for contact_id, created, *_ in await fetch_all(conn, _SEEN, wanted):
                self.known[contact_id].own = created

    async def _find_addresses(self, references: Sequence[Reference]) -> None:
        email = self._plan.by == "email"
        wanted = list(
            {
                address
                for each in references
                if (address := each.email if email else each.phone) is not None
            }
        )
        rows = await fetch_all(self._conn, _BY_EMAIL if email else _BY_PHONE, {"addresses": wanted})
        for number, contact_id in rows:
            self._by_address.setdefault(_key(wanted[number - 1]), []).append(contact_id)

    def _check_addresses(self) -> None:
        """Begin again if a contact has lost its address while its lock was waited for."""
        for address, ids in self._by_address.items():
            for contact_id in set(ids):
                known = self.known.get(contact_id)
                if known is None or address != _key(getattr(known.contact, self._plan.by) or ""):
                    raise ConcurrentChange

    async def _apply_seen(self, references: Sequence[Reference]) -> None:
        """Of a dry run: what earlier pages would have made of the contacts."""
        imagined = {
            uuid5(self._job_id, text): each
            for each in references
            if (text := self._imagined_name(each)) is not None
        }
        rows = await fetch_all(
            self._conn,
            _SEEN,
            {"job": self._job_id, "contacts": [*self.known, *imagined]},
        )
        for contact_id, created, after, names, groups in rows:
            known = self.known.get(contact_id)
            if known is None:
                reference = imagined[contact_id]
                known = _Known(LockedContact(contact_id, external_id=reference.external_id))
                self._add(known)
                self._add_address(known, reference)
            known.own = created
            known.contact.set({**dict.fromkeys(names or ()), **(after or {})})
            known.contact.changed = False
            self.members.update((contact_id, group) for group in groups or ())

    def _imagined_name(self, reference: Reference) -> str | None:
        if self._plan.by != "external_id":
            address = getattr(reference, self._plan.by)
            if address is not None:
                return f"{self._plan.by} {_key(address)}"
        if reference.external_id is not None:
            return f"id {reference.external_id}"
        return None if reference.own_id is None else f"own {reference.own_id}"

    def _add(self, known: _Known) -> None:
        self.known[known.contact.id] = known
        if known.contact.external_id is not None:
            self._by_external[known.contact.external_id] = known

    def _add_address(self, known: _Known, reference: Reference) -> None:
        address = None if self._plan.by == "external_id" else getattr(reference, self._plan.by)
        if address is not None:
            self._by_address.setdefault(_key(address), []).append(known.contact.id)

    def find(self, reference: Reference) -> _Known:
        """The contact of a line; one that does not exist is made. Raises LineRefused."""
        found = self._find(reference)
        mode = self._plan.mode
        if found is not None:
            if mode == "only_new" and not (found.created or found.own):
                raise LineRefused("known_contact", "the contact exists already")
            return found
        if mode == "only_existing":
            raise LineRefused("unknown_contact", "there is no such contact")
        external_id = reference.external_id
        if external_id is not None and parse_reference(external_id) in self._taken:
            raise LineRefused(
                "taken_id", f"external_id: {external_id!r} is the id of another contact here"
            )
        contact_id = reference.own_id if external_id is None else None
        if self._plan.dry_run:
            contact_id = uuid5(self._job_id, self._imagined_name(reference) or str(uuid4()))
        known = _Known(
            LockedContact(contact_id or self.ids.id(), external_id=external_id, new=True),
            created=True,
        )
        self._add(known)
        self._add_address(known, reference)
        return known

    def _find(self, reference: Reference) -> _Known | None:
        by = self._plan.by
        if by != "external_id":
            address: str | None = getattr(reference, by)
            if address is None:
                raise LineRefused("missing", f"{by}: missing")
            ids = set(self._by_address.get(_key(address), ()))
            if len(ids) > 1:
                raise LineRefused("ambiguous", f"{by}: {len(ids)} contacts have this address")
            if ids:
                return self.known[ids.pop()]
            if reference.external_id is None:
                return None
        if reference.external_id is not None:
            return self._by_external.get(reference.external_id)
        if reference.own_id is not None:
            return self.known.get(reference.own_id)
        raise LineRefused("missing", "external_id: missing")


def _key(address: str) -> str:
    return address.casefold()


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

    def _record(self, known: _Known, changes: Changes) -> None:
        contact = known.contact
        for name, (before, _after) in changes.items():
            if name not in known.changes and before is not None:
                known.before[name] = before
        known.changes.update(changes)
        event = contact_changed(contact.id, changes, message_id=self._finder.ids.text())
        self._events.append(event)
        if not known.created and not changes.keys().isdisjoint(contact.addresses):
            self._events += ask_for_confirmation(contact, self._effects, event)

    def _join_groups(self, known: _Known, groups: Iterable[str]) -> int:
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
        self, known: _Known, consent: ConsentLine, line: ContactLine, reference: str | None
    ) -> int:
        """Record one consent, and 1; or 0 if it holds already, or is left out."""
        try:
            return self._stage_consent(known, consent)
        except EffectRefused as refused:
            self.outcome.left_out.append((line.line, refused.code, str(refused), reference))
            return 0

    def _stage_consent(self, known: _Known, consent: ConsentLine) -> int:
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
        self, line: ContactLine, known: _Known, new: bool, changes: Changes, acts: int
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

    async def _keep(self, touched: Sequence[_Known], newest: dict[UUID, int]) -> None:
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


def _is_changed(known: _Known) -> bool:
    return known.created or bool(known.changes or known.groups or known.consents)


def _source(named: str | None) -> Any:
    return named or "import"
