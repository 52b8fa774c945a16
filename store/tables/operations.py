"""What runs the engine: jobs, faults, the sweep, and the keys of the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Text,
    text,
)
from sqlmodel import Field, SQLModel

from store.tables.columns import (
    flag_column,
    id_column,
    int_column,
    json_column,
    text_column,
    time_column,
)


class Job(SQLModel, table=True):
    """A long piece of work on many runs: a workflow does it, a page at a time."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint("kind in ('move', 'resume')", name="job_kind_is"),
        CheckConstraint(
            "state in ('running', 'done', 'superseded', 'stopped')", name="job_state_is"
        ),
        Index("job_by_journey", "journey", "started_at"),
        Index("job_running", "started_at", postgresql_where=text("state = 'running'")),
    )
    id: UUID = Field(sa_column=id_column(key=True))
    kind: str = Field(sa_column=text_column())
    journey: str = Field(
        sa_column=Column(Text, ForeignKey("journey.key", ondelete="CASCADE"), nullable=False)
    )
    version: int | None = Field(sa_column=int_column(null=True))
    """Of a move: where to."""
    state: str = Field(sa_column=text_column(default="running"))
    plan: dict[str, Any] = Field(sa_column=json_column())
    """`{map, overdue}`."""
    total: int = Field(sa_column=int_column(default=0))
    """Runs it had before it when it began."""
    done: int = Field(sa_column=int_column(default=0))
    """Runs it is through with."""
    moved: int = Field(sa_column=int_column(default=0))
    kept: int = Field(sa_column=int_column(default=0))
    """Runs that keep their version."""
    after: UUID | None = Field(sa_column=id_column(null=True))
    """It has come through the runs up to this id."""
    reached: datetime | None = Field(sa_column=time_column(null=True))
    """It has woken the sends that were due up to this time."""
    spreading: bool = Field(sa_column=flag_column())
    """Every held send has its due time: it wakes them in their order."""
    started_at: datetime = Field(sa_column=time_column())
    ended_at: datetime | None = Field(sa_column=time_column(null=True))
    workflow_started_at: datetime | None = Field(sa_column=time_column(null=True))


class Straggler(SQLModel, table=True):
    """A run that was at work when a move came by: it is moved when it next stands still."""

    __tablename__ = "straggler"
    __table_args__ = (PrimaryKeyConstraint("job_id", "run_id"),)
    job_id: UUID = Field(sa_column=id_column(to="job.id"))
    run_id: UUID = Field(sa_column=id_column())
    tried_at: datetime = Field(sa_column=time_column())


class Fault(SQLModel, table=True):
    """What went wrong in an activity: the detail that Temporal must not see."""

    __tablename__ = "fault"
    __table_args__ = (Index("fault_by_run", "run_id", "id"),)
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    run_id: UUID | None = Field(sa_column=id_column(null=True, to="run.id"))
    visit: int | None = Field(sa_column=int_column(null=True))
    activity: str = Field(sa_column=text_column())
    code: str = Field(sa_column=text_column())
    detail: str = Field(sa_column=text_column())
    happened_at: datetime = Field(sa_column=time_column())


class SweepCursor(SQLModel, table=True):
    """How far the sweep over closed workflows has read."""

    __tablename__ = "sweep_cursor"
    name: str = Field(sa_column=text_column(key=True))
    closed_until: datetime = Field(sa_column=time_column())
    leased_until: datetime | None = Field(sa_column=time_column(null=True))


class ApiKey(SQLModel, table=True):
    """A key of the API; only its SHA-256 is kept."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("scope in ('ingest', 'operate', 'admin')", name="api_key_scope_is"),
    )
    id: UUID = Field(sa_column=id_column(key=True))
    sha256: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    scope: str = Field(sa_column=text_column())
    name: str | None = Field(sa_column=text_column(null=True))
    created_at: datetime = Field(sa_column=time_column())
    revoked_at: datetime | None = Field(sa_column=time_column(null=True))
