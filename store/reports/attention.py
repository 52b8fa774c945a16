"""Reading what needs a person: empty when all is well."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from psycopg import AsyncConnection

from store.counters.folding import DELTAS
from store.definitions.catalog import Catalog
from store.reports.attention_kinds import COUNTED, KINDS, OVERDUE, AttentionName, AttentionRow
from store.reports.lag import LAGS, Lag, LagName, read_lag
from store.segments.segment_conditions import read_revision
from store.sql import fetch_all_as, fetch_value, sql
from store.tables.freezes import EVERY_CHANNEL

WITHIN: Final = timedelta(hours=24)
"""How long ago what failed or was rejected may be."""
_BEHIND: Final[Mapping[LagName, float]] = {
    name: 300.0 if name in ("reconciliation", "claims", "waits", "sends") else 60.0 for name in LAGS
}
"""Seconds from which on each kind of work is behind."""
_LEAST: Final[Mapping[LagName, int]] = {"reconciliation": 0, "figures": DELTAS}
"""How many have to wait for that, where it is not one: figures are exact without their counters."""
_CLOCK: Final = sql("select parcours.clock()")
_UPDATED: Final = sql("select coalesce(max(updated_at), parcours.clock()) from journey "
                      "where key = %(key)s")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionItem:
    """One thing that needs a person."""

    kind: AttentionName
    subject: str
    since: datetime
    count: int
    at_least: bool
    """Whether there may be more: no more than 1,000 are counted."""
    reason: str | None
    words: str
    example: str | None
    """The id of one of them."""
    journey: str | None
    step: str | None
    detail: str | None
    """The newest words of a provider about one of them."""
    command: str
    """The command that helps."""
    link: str
    """Where the API shows them."""


async def read_attention(
    conn: AsyncConnection[Any],
    catalog: Catalog,
    *,
    kinds: Collection[AttentionName] | None = None,
    within: timedelta = WITHIN,
    spool: float | None = None,
) -> list[AttentionItem]:
    """What needs a person, by kind, the oldest of each first.

    Args:
        kinds: only these; by default all.
        within: how long ago what failed or was rejected may be.
        spool: the part of the disk for hits that is used, from 0 to 1; None without one.
    """
    found: list[AttentionItem] = []
    wanted = {"counted": COUNTED + 1, "within": within, "overdue": OVERDUE}
    for name, kind in KINDS.items():
        if kinds is not None and name not in kinds:
            continue
        if kind.query is not None:
            rows = await fetch_all_as(conn, AttentionRow, kind.query, wanted)
        elif name == "documents":
            rows = await _broken_documents(conn, catalog)
        elif name == "behind":
            now: datetime = await fetch_value(conn, _CLOCK)
            rows = _behind(await read_lag(conn), now)
        else:
            rows = _spool(spool, await fetch_value(conn, _CLOCK))
        found += [_item(name, row) for row in rows]
    return found


def count_by_kind(items: Collection[AttentionItem]) -> dict[AttentionName, int]:
    """How many subjects of each kind need a person; 0 for the others."""
    return {name: sum(item.kind == name for item in items) for name in KINDS}


def _item(name: AttentionName, row: AttentionRow) -> AttentionItem:
    kind = KINDS[name]
    fields = {
        "subject": row.subject,
        "example": row.example or "ID",
        "journey": row.journey or "JOURNEY",
        "step": row.step or "",
        "reason": row.reason or "",
        "channel": "" if row.subject == EVERY_CHANNEL else f"--channel {row.subject} ",
    }
    quoted = {key: quote(value, safe="") for key, value in fields.items()}
    return AttentionItem(
        kind=name,
        subject=row.subject,
        since=row.since,
        count=min(row.count, COUNTED),
        at_least=row.count > COUNTED,
        reason=row.reason,
        words=kind.words,
        example=row.example,
        journey=row.journey,
        step=row.step,
        detail=row.detail,
        command=kind.command.format(**fields),
        link=kind.link.format(**quoted),
    )


async def _broken_documents(conn: AsyncConnection[Any], catalog: Catalog) -> list[AttentionRow]:
    """Active journeys, segments and holdouts that do not validate."""
    revision = await read_revision(conn)
    active = await catalog.active(conn, revision)
    segments = await catalog.segments(conn, revision)
    holdouts = await catalog.holdouts(conn, revision)
    broken = {error.subject: str(error) for error in active.broken}
    broken |= {f"segment {key}": why for key, why in segments.broken.items()}
    broken |= {f"holdout {key}": why for key, why in holdouts.broken.items()}
    rows = []
    for subject, why in sorted(broken.items()):
        key = subject.split(" ")[1]
        since = await fetch_value(conn, _UPDATED, {"key": key})
        is_journey = subject.startswith("journey ")
        rows.append(AttentionRow(subject, since, 1, why[:500], key, key if is_journey else None))
    return rows


def _behind(lags: list[Lag], now: datetime) -> list[AttentionRow]:
    return [
        AttentionRow(
            lag.name,
            now - timedelta(seconds=lag.seconds),
            max(lag.waiting, 1),
            LAGS[lag.name],
            None,
        )
        for lag in lags
        if lag.seconds >= _BEHIND[lag.name] and lag.waiting >= _LEAST.get(lag.name, 1)
    ]


def _spool(used: float | None, now: datetime) -> list[AttentionRow]:
    if used is None or used < 0.8:
        return []
    return [AttentionRow("spool", now, 1, f"{used:.0%} used", None)]
