"""A page of suppressions: addresses that nothing is sent to again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from store.imports.lines import SuppressionLine
from store.imports.outcomes import Outcome
from store.imports.plans import ImportPlan
from store.messages.suppression_list import count_suppressed, suppress_new
from store.sql import Connection, execute, sql

_KEEP = sql("""
insert into imported_suppression (job_id, channel, address_hash, reason)
select %(job)s, * from unnest(%(channels)s::text[], %(hashes)s::text[], %(reasons)s::text[])
on conflict do nothing
""")


async def import_suppressions(
    conn: Connection, plan: ImportPlan, job_id: UUID, lines: Sequence[SuppressionLine], *, show: int
) -> Outcome:
    """Suppress addresses in the caller's transaction. Those that were keep their reason."""
    outcome = Outcome()
    suppressing = [line.suppressing for line in lines]
    if plan.dry_run:
        outcome.known = await count_suppressed(conn, suppressing)
        outcome.suppressed = len(lines) - outcome.known
        for line in lines[:show]:
            shown = {
                "outcome": "suppressed",
                "channel": line.suppressing.channel,
                "address": line.suppressing.address or line.suppressing.address_hash,
                "reason": line.suppressing.reason,
            }
            outcome.shown.append((line.line, shown))
        return outcome
    added = await suppress_new(conn, suppressing)
    await execute(
        conn,
        _KEEP,
        {
            "job": job_id,
            "channels": [channel for channel, _, _ in added],
            "hashes": [address_hash for _, address_hash, _ in added],
            "reasons": [reason for _, _, reason in added],
        },
    )
    outcome.suppressed = len(added)
    outcome.known = len(lines) - len(added)
    return outcome
