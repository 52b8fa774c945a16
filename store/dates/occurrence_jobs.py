"""Jobs that enter contacts at an occurrence of a schedule: one for each occurrence, ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from journeys.schedule.occurrences import Occurrence
from store.operations.jobs import JobRow, create_job
from store.sql import Connection, execute, fetch_value, sql

OCCURRENCES: Final = UUID("5f1b0f0c-29f4-58e5-8f3e-3f8ad3c4a7b9")
"""The namespace of the ids of these jobs."""
_ABOUT = sql("select greatest(reltuples, 0)::bigint from pg_class where oid = 'contact'::regclass")
# Of two attempts at one page the first finds the progress that it began with.
_PROGRESS = sql("""
update job set progress = %(progress)s, result = %(result)s, after = %(after)s,
       done = done + %(done)s, failed = failed + %(failed)s
where id = %(job)s and state = 'running' and after is not distinct from %(previous_after)s
  and progress is not distinct from %(previous)s
""")


def occurrence_job_id(journey: str, slot: int, at: datetime) -> UUID:
    """The id of the job of an occurrence, the same for all versions of the journey."""
    return uuid5(OCCURRENCES, f"{journey} {slot} {at.isoformat()}")


async def create_occurrence_job(
    conn: Connection, journey: str, slot: int, occurrence: Occurrence
) -> UUID:
    """Insert the job of an occurrence, unless there was one before.

    `slot` is the place of the entry among the journey's entries by schedule.
    """
    local, since = occurrence.local, occurrence.since
    return await create_job(
        conn,
        "occurrence",
        journey,
        job_id=occurrence_job_id(journey, slot, occurrence.at),
        subject=occurrence.key,
        plan={
            "slot": slot,
            "at": occurrence.at.isoformat(),
            "local": None if local is None else local.isoformat(),
            **({} if since is None else {"since": since.isoformat()}),
        },
        total=int(await fetch_value(conn, _ABOUT)),
    )


@dataclass(frozen=True)
class OccurrenceProgress:
    """How far the job of an occurrence has come."""

    turn: datetime | None
    """The turn that it works through; None before the first one."""
    moved: bool = False
    """Whether all turns are over, and it looks once more at all whose zone changed meanwhile."""
    looked: tuple[datetime, UUID] | None = None
    """The last change of a zone that it looked at, with its contact; None before the first one."""
    entered: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    """By reason."""

    @classmethod
    def of(cls, job: JobRow) -> Self:
        """That of a job."""
        stored = job.progress or {}
        turn, looked = stored.get("turn"), stored.get("looked")
        return cls(
            None if turn is None else datetime.fromisoformat(turn),
            stored.get("moved", False),
            None if looked is None else (datetime.fromisoformat(looked[0]), UUID(looked[1])),
            stored.get("entered", 0),
            stored.get("refused", {}),
        )

    def plus(self, entered: int, refused: Counter[str]) -> OccurrenceProgress:
        """With the answers of another page."""
        total = Counter(self.refused) + refused
        return replace(self, entered=self.entered + entered, refused=dict(total))

    def at(self, turn: datetime) -> OccurrenceProgress:
        """At a turn."""
        return replace(self, turn=turn)

    def after_all_turns(self) -> OccurrenceProgress:
        """At the look at all changes of zones."""
        return replace(self, turn=None, moved=True, looked=None)

    def beyond(self, changed_at: datetime, contact_id: UUID) -> OccurrenceProgress:
        """Beyond a change of a zone."""
        return replace(self, looked=(changed_at, contact_id))

    def as_json(self) -> dict[str, Any]:
        """As the job's row keeps it."""
        turn = None if self.turn is None else self.turn.isoformat()
        looked = None
        if self.looked is not None:
            looked = [self.looked[0].isoformat(), str(self.looked[1])]
        return {"turn": turn, "moved": self.moved, "looked": looked, **self.result}

    @property
    def result(self) -> dict[str, Any]:
        """The counts alone."""
        return {"entered": self.entered, "refused": dict(self.refused)}


def occurrence_of(job: JobRow) -> Occurrence:
    """The occurrence that a job is for."""
    local, since = job.plan["local"], job.plan.get("since")
    return Occurrence(
        datetime.fromisoformat(job.plan["at"]),
        None if local is None else datetime.fromisoformat(local),
        None if since is None else datetime.fromisoformat(since),
    )


async def record_occurrence_progress(
    conn: Connection,
    job: JobRow,
    progress: OccurrenceProgress,
    *,
    after: UUID | None,
    done: int = 0,
    failed: int = 0,
) -> bool:
    """Record the progress after a page; False if another attempt has recorded it before."""
    changed = await execute(
        conn,
        _PROGRESS,
        {
            "job": job.id,
            "previous": None if job.progress is None else Jsonb(job.progress),
            "previous_after": job.after,
            "progress": Jsonb(progress.as_json()),
            "result": Jsonb(progress.result),
            "after": after,
            "done": done,
            "failed": failed,
        },
    )
    return changed > 0
