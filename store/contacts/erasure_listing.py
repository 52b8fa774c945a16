"""Reports of erasures: what was removed, when and for whom, without saying of whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from store.contacts.erasure import digest_of_id
from store.sql import Connection, columns, fetch_all_as, fetch_one_as, sql


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What an erasure has done so far."""

    id: UUID
    job_id: UUID | None
    subjects: list[str]
    """Hashes of the contact's ids under the key of the installation."""
    requested_at: datetime
    finished_at: datetime | None
    requested_by: str
    suppressed: int
    removed: dict[str, int]


_COLUMNS = columns(ErasureReport)
_ONE = sql("select {columns} from erasure where id = %(erasure)s", columns=_COLUMNS)
_LIST = sql(
    """
    select {columns} from erasure
    where (%(before)s::uuid is null or (requested_at, id) < (
        select other.requested_at, other.id from erasure other where other.id = %(before)s))
    order by requested_at desc, id desc limit %(limit)s
    """,
    columns=_COLUMNS,
)
_OF_CONTACT = sql(
    """
    select {columns} from erasure
    where subjects && parcours.suppression_hashes(%(digest)s)
      and (%(before)s::uuid is null or (requested_at, id) < (
        select other.requested_at, other.id from erasure other where other.id = %(before)s))
    order by requested_at desc, id desc limit %(limit)s
    """,
    columns=_COLUMNS,
)


async def read_report(conn: Connection, erasure_id: UUID) -> ErasureReport | None:
    """The report of an erasure; None if there is none."""
    return await fetch_one_as(conn, ErasureReport, _ONE, {"erasure": erasure_id})


async def list_reports(
    conn: Connection, *, contact: str | None, before: UUID | None, limit: int
) -> list[ErasureReport]:
    """Reports, the newest first, that were requested before another; of one contact or of all.

    `contact` is an id that the contact had.
    """
    wanted = {"before": before, "limit": limit}
    if contact is None:
        return await fetch_all_as(conn, ErasureReport, _LIST, wanted)
    wanted_of = {**wanted, "digest": digest_of_id(contact)}
    return await fetch_all_as(conn, ErasureReport, _OF_CONTACT, wanted_of)
