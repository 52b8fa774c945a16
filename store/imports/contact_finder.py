"""The contacts that lines of an import name: found, locked, or made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4, uuid5

from store.contacts.rows import (
    Changes,
    LockedContact,
    find_own_ids,
    lock_and_read_contacts,
    merged_names,
    parse_reference,
)
from store.events.recording import ConcurrentChange
from store.imports.lines import Reference
from store.imports.plans import ImportPlan
from store.imports.problems import LineRefused
from store.sql import Connection, fetch_all, sql
from store.tables.identifiers import RandomIds

_BY_EMAIL = sql("""
select g.n, c.id from unnest(%(addresses)s::text[]) with ordinality as g(address, n)
join contact c on lower(c.email) = lower(g.address)
""")
_BY_PHONE = sql("""
select g.n, c.id from unnest(%(addresses)s::text[]) with ordinality as g(address, n)
join contact c on c.phone = g.address
""")
_SEEN = sql("""
select contact_id, created, after, names, groups from import_change
where job_id = %(job)s and contact_id = any(%(contacts)s)
""")


@dataclass(slots=True)
class KnownContact:
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
        self.known: dict[UUID, KnownContact] = {}
        self._by_external: dict[str, KnownContact] = {}
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
            self._add(KnownContact(contact))
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
                known = KnownContact(LockedContact(contact_id, external_id=reference.external_id))
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

    def _add(self, known: KnownContact) -> None:
        self.known[known.contact.id] = known
        if known.contact.external_id is not None:
            self._by_external[known.contact.external_id] = known

    def _add_address(self, known: KnownContact, reference: Reference) -> None:
        address = None if self._plan.by == "external_id" else getattr(reference, self._plan.by)
        if address is not None:
            self._by_address.setdefault(_key(address), []).append(known.contact.id)

    def find(self, reference: Reference) -> KnownContact:
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
        known = KnownContact(
            LockedContact(contact_id or self.ids.id(), external_id=external_id, new=True),
            created=True,
        )
        self._add(known)
        self._add_address(known, reference)
        return known

    def _find(self, reference: Reference) -> KnownContact | None:
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
