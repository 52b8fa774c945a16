"""Removal of a contact from a journey, or from all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from store.contacts.rows import lock_contacts
from store.definitions.catalog import Catalog
from store.entries.kept_entries import forget_kept
from store.repairs.run_repairs import RepairRefused, RepairRequest, RepairRow, repair_run
from store.sql import Connection, fetch_column, sql

_ACTIVE = sql("""
select id from run
where contact_id = %(contact)s and state = 'active'
  and (%(journey)s::text is null or journey = %(journey)s::text)
order by id limit %(limit)s
""")
MOST_RUNS = 1_000
"""Runs that one call ends."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What was ended for a contact."""

    repairs: list[tuple[str, RepairRow]]
    """The journey of each run that was ended, with its repair."""
    kept: int
    """Entries that were kept while a journey was paused, and do not come in any more."""
    more: bool
    """Whether runs are left; repeat the call."""


async def remove_from_journeys(
    conn: Connection,
    catalog: Catalog,
    contact_id: UUID,
    journey: str | None,
    request: RepairRequest,
) -> Removal:
    """End a contact's active runs, of one journey or of all, in the caller's transaction.

    It may enter again as the journeys' rules say. Their workflows are to be woken after the commit.
    """
    await lock_contacts(conn, [contact_id])
    kept = await forget_kept(conn, contact_id, journey)
    runs = await fetch_column(
        conn, _ACTIVE, {"contact": contact_id, "journey": journey, "limit": MOST_RUNS + 1}
    )
    repairs = []
    for run_id in runs[:MOST_RUNS]:
        try:
            made = await repair_run(conn, catalog, run_id, replace(request, action="exit"))
        except RepairRefused:
            continue
        repairs.append((made.journey, made.repair))
    return Removal(repairs, kept, more=len(runs) > MOST_RUNS)
