"""Figures worked out by hand from rows, also from those that were deleted since.

It is a reading of its own: plain loops over plain rows, and no statement of the product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import dict_row

Row = dict[str, Any]
TABLES = {
    "run": ("id",),
    "visit": ("run_id", "visit"),
    "message": ("id",),
    "goal": ("run_id",),
    "refusal": ("id",),
    "consent_record": ("id",),
}
REPLACED = ("restarted", "merged")
STATUSES = ("delivered", "opened", "clicked", "bounced", "replied", "complained", "unsubscribed")


@dataclass
class Rows:
    """All rows that there ever were, each as it was when it was last seen."""

    kept: dict[str, dict[Hashable, Row]] = field(
        default_factory=lambda: {table: {} for table in TABLES}
    )
    gone: set[tuple[str, Hashable]] = field(default_factory=set)
    merged: dict[UUID, UUID] = field(default_factory=dict)
    """Contacts that are gone, and those that they turned out to be."""

    async def look(self, conn: AsyncConnection[Any]) -> None:
        """Read all rows; those that are missing are deleted."""
        for table, key in TABLES.items():
            async with conn.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(f"select * from {table}".encode())
                found = {tuple(row[name] for name in key): row for row in await cursor.fetchall()}
            self.gone |= {(table, each) for each in self.kept[table] if each not in found}
            self.gone -= {(table, each) for each in found}
            self.kept[table].update(found)

    def count(self, zone: str) -> Figures:
        """What all of them count for."""
        counted = Figures(ZoneInfo(zone))
        runs = {key[0]: row for key, row in self.kept["run"].items()}  # type: ignore[index]
        for key, run in self.kept["run"].items():
            counted.run(run, gone=("run", key) in self.gone)
        for key, visit in self.kept["visit"].items():
            counted.visit(visit, runs[visit["run_id"]], gone=("visit", key) in self.gone)
        for message in self.kept["message"].values():
            counted.message(message, runs[message["run_id"]])
        for goal in self.kept["goal"].values():
            arms: dict[tuple[Any, Any], Row] = {}
            for visit in self.kept["visit"].values():
                if visit["run_id"] == goal["run_id"] and visit["kind"] == "split":
                    arms.setdefault((visit["step"], visit["outcome"]), visit)
            counted.goal(goal, runs[goal["run_id"]], list(arms.values()))
        for refusal in self.kept["refusal"].values():
            counted.add("refused", refusal["refused_at"], label=refusal["code"])
        return counted


@dataclass
class Figures:
    """Counts by (what, version, step, label), of all time and by (day of occurrence, …)."""

    zone: ZoneInfo
    counts: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    days: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    cohorts: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    values: dict[tuple[Any, ...], Decimal] = field(default_factory=dict)

    def add(
        self,
        what: str,
        at: datetime,
        *,
        entered: datetime | None = None,
        version: int = 0,
        step: str = "",
        label: str = "",
        count: int = 1,
        value: Decimal = Decimal(0),
    ) -> None:
        """Count one thing."""
        key = (what, version, step, label)
        self.counts[key] += count
        self.days[(at.astimezone(self.zone).date(), *key)] += count
        self.cohorts[((entered or at).astimezone(self.zone).date(), *key)] += count
        if value:
            self.values[key] = self.values.get(key, Decimal(0)) + value

    def run(self, run: Row, *, gone: bool) -> None:
        """A run: an active one that is gone had never begun."""
        if gone and run["state"] == "active":
            return
        first, at = run["entry_version"] or run["version"], run["started_at"]
        replaced = run["outcome"] in REPLACED
        self.add("replaced" if replaced else "entered", at, version=first)
        if run["state"] == "ended":
            self.add(
                "ended", run["ended_at"], entered=at, version=run["version"], label=run["outcome"]
            )
        else:
            self.add("active", at, version=run["version"])

    def visit(self, visit: Row, run: Row, *, gone: bool) -> None:
        """A visit, and where it stands."""
        if visit["kind"] == "split" and run["outcome"] in REPLACED:
            return
        where = {
            "entered": run["started_at"],
            "version": visit["version"] or run["version"],
            "step": visit["step"],
        }
        facts, outcome = visit["facts"], visit["outcome"]
        self.add("reached", visit["started_at"], label=visit["kind"], **where)
        if outcome is not None:
            ended_at = visit["ended_at"]
            self.add("outcome", ended_at, label=outcome, **where)
            if outcome == "skipped":
                self.add("skipped", ended_at, label=facts.get("reason", "if"), **where)
            if outcome == "failed":
                code = facts.get("code") or facts.get("reason") or ""
                self.add("failed", ended_at, label=code, **where)
        elif run["state"] == "active" and not gone:
            why = (facts.get("held") or [{}])[-1].get("why")
            if visit["held"] == "retry" or (visit["held"] is None and why == "retry"):
                self.add("retrying", visit["started_at"], **where)
            elif visit["held"] is not None:
                self.add("held", visit["started_at"], label=visit["held"], **where)
            else:
                self.add("waiting", visit["started_at"], **where)

    def message(self, message: Row, run: Row) -> None:
        """A message, and what came back of it."""
        where = {
            "entered": run["started_at"],
            "version": message["version"] or run["version"],
            "step": message["step"],
            "label": message["channel"],
        }
        if message["state"] in ("sent", "refused", "unknown"):
            self.add(f"message_{message['state']}", message["settled_at"], **where)
        for status in STATUSES:
            if message[f"{status}_at"] is not None:
                self.add(status, message[f"{status}_at"], **where)

    def goal(self, goal: Row, run: Row, splits: list[Row]) -> None:
        """A goal that was met, also by the arms that its run took."""
        if goal["met_event_id"] is None or run["outcome"] in REPLACED:
            return
        value = goal["value"] or Decimal(0)
        self.add(
            "goal", goal["met_at"], entered=run["started_at"], version=goal["version"],
            step=goal["step"] or "", value=value,
        )  # fmt: skip
        for visit in splits:
            if visit["outcome"] in (None, "skipped") or visit["run_ended"]:
                continue
            self.add(
                "arm", goal["met_at"], entered=run["started_at"],
                version=visit["version"] or run["version"], step=visit["step"],
                label=visit["outcome"], value=value,
            )  # fmt: skip

    def where(self, chosen: Callable[[tuple[Any, ...]], bool]) -> int:
        """The sum of all counts whose key is chosen."""
        return sum(count for key, count in self.counts.items() if chosen(key))


def targeted_contacts(rows: Rows, zone: str) -> Counter[date]:
    """How many contacts were sent an e-mail or a text message, by day."""

    def survivor(contact: UUID) -> UUID:
        while contact in rows.merged:
            contact = rows.merged[contact]
        return contact

    found = {
        (message["settled_at"].astimezone(ZoneInfo(zone)).date(), survivor(message["contact_id"]))
        for message in rows.kept["message"].values()
        if message["state"] == "sent" and message["channel"] != "webhook"
    }
    return Counter(day for day, _ in found)


def contacts_in_journeys(rows: Rows) -> int:
    """Contacts with an active run."""
    active: set[UUID] = {
        run["contact_id"]
        for key, run in rows.kept["run"].items()
        if run["state"] == "active" and ("run", key) not in rows.gone
    }
    return len(active)
