"""Tables of operations: jobs, faults, cursors of the reconciliation, and API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    text,
)
from sqlmodel import Field, SQLModel

from store.tables.columns import (
    big_column,
    flag_column,
    id_column,
    in_values,
    int_column,
    json_column,
    text_column,
    time_column,
)

JobState = Literal["waiting", "running", "done", "superseded", "stopped"]
"""`waiting`: for the approval of another key; the other states but `running` are ends."""
Scope = Literal["ingest", "read", "edit", "operate", "admin"]
"""The scope of an API key; `store.operations.api_keys` says which includes which."""


class Job(SQLModel, table=True):
    """Work on many contacts or runs that a durable workflow does page by page."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint(in_values("state", get_args(JobState)), name="job_state_is"),
        Index("job_by_journey", "journey", "started_at"),
        Index("job_by_time", "started_at", "id"),
        Index("job_ended", "ended_at", postgresql_where=text("ended_at is not null")),
        Index(
            "job_running",
            "started_at",
            postgresql_where=text("state in ('running', 'waiting')"),
        ),
    )
    id: UUID = Field(sa_column=id_column(key=True))
    kind: str = Field(sa_column=text_column())
    """One of `journeys.protocol.jobs.JobKind`."""
    journey: str | None = Field(
        sa_column=Column(Text, ForeignKey("journey.key", ondelete="CASCADE"), nullable=True)
    )
    """None: the job is not about one journey."""
    subject: str = Field(sa_column=text_column(default=""))
    """What else the job is about: the key of a segment, the name of a file."""
    version: int | None = Field(sa_column=int_column(null=True))
    """Of a job that moves runs: the version to which."""
    state: str = Field(sa_column=text_column(default="running"))
    plan: dict[str, Any] = Field(sa_column=json_column())
    """Its input, in the shape of its kind: `{map, overdue}` of one that moves runs."""
    progress: dict[str, Any] | None = Field(sa_column=json_column(null=True))
    """How far it has come, in the shape of its kind, where `after` does not say it."""
    planned: dict[str, Any] | None = Field(sa_column=json_column(null=True))
    """Of a preview of an unsaved version, until it ends: `{journey, program, segments}`."""
    result: dict[str, Any] | None = Field(sa_column=json_column(null=True))
    """What it has found, or done, in the shape of its kind."""
    total: int = Field(sa_column=int_column(default=0))
    """The number of runs, contacts or lines when it began."""
    done: int = Field(sa_column=int_column(default=0))
    """The number of those that it has finished."""
    moved: int = Field(sa_column=int_column(default=0))
    kept: int = Field(sa_column=int_column(default=0))
    """The number of runs that keep their version."""
    failed: int = Field(sa_column=int_column(default=0))
    """The number of runs that were set aside because of a fault."""
    after: UUID | None = Field(sa_column=id_column(null=True))
    """It has worked through the runs, or the contacts, up to this id."""
    reached: datetime | None = Field(sa_column=time_column(null=True))
    """It has woken the sends whose turn came up to this time."""
    spreading: bool = Field(sa_column=flag_column())
    """Whether every deferred send has its turn; the job then wakes them in that order."""
    started_at: datetime = Field(sa_column=time_column())
    ended_at: datetime | None = Field(sa_column=time_column(null=True))
    workflow_started_at: datetime | None = Field(sa_column=time_column(null=True))
    paused_at: datetime | None = Field(sa_column=time_column(null=True))
    """Since when an operator has paused it; null if it is at work."""
    progressed_at: datetime | None = Field(sa_column=time_column(null=True))
    """When its row was last changed; a trigger sets it."""
    key_id: UUID | None = Field(sa_column=id_column(null=True))
    """The API key that asked for it, of a kind that may need another's approval."""
    approved_by: UUID | None = Field(sa_column=id_column(null=True))
    """The API key that approved it."""
    approved_at: datetime | None = Field(sa_column=time_column(null=True))


class Straggler(SQLModel, table=True):
    """A run that its job could not move yet: it was at work, or it has a fault."""

    __tablename__ = "straggler"
    __table_args__ = (PrimaryKeyConstraint("job_id", "run_id"),)
    job_id: UUID = Field(sa_column=id_column(to="job.id"))
    run_id: UUID = Field(sa_column=id_column())
    tried_at: datetime = Field(sa_column=time_column())
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """How often it failed."""
    code: str | None = Field(sa_column=text_column(null=True))
    """The code of the fault because of which the job has set it aside; None while it is tried."""


class Fault(SQLModel, table=True):
    """What went wrong, in detail that Temporal must not see, and the smallest thing that has it."""

    __tablename__ = "fault"
    __table_args__ = (
        Index("fault_by_run", "run_id", "id"),
        Index("fault_by_subject", "subject", "happened_at"),
        Index("fault_by_time", "happened_at"),
        Index(
            "fault_by_contact", "contact_id", postgresql_where=text("contact_id is not null")
        ),
    )  # fmt: skip
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    run_id: UUID | None = Field(sa_column=id_column(null=True, to="run.id"))
    visit: int | None = Field(sa_column=int_column(null=True))
    contact_id: UUID | None = Field(sa_column=id_column(null=True, to="contact.id"))
    event_id: int | None = Field(sa_column=big_column(null=True))
    subject: str = Field(sa_column=text_column(default=""))
    """What has the fault: `run ID VISIT`, `event ID`, `contact ID`, `journey KEY`, `job ID`…"""
    activity: str = Field(sa_column=text_column())
    """The activity, or the part of a worker, in which it showed."""
    code: str = Field(sa_column=text_column())
    detail: str = Field(sa_column=text_column())
    happened_at: datetime = Field(sa_column=time_column())


class SweepCursor(SQLModel, table=True):
    """Up to when the reconciliation has checked the closed workflows, and figures are folded."""

    __tablename__ = "sweep_cursor"
    name: str = Field(sa_column=text_column(key=True))
    closed_until: datetime = Field(sa_column=time_column())
    leased_until: datetime | None = Field(sa_column=time_column(null=True))
    lease_owner: UUID | None = Field(sa_column=id_column(null=True))


class ApiKey(SQLModel, table=True):
    """A key of the API; only its SHA-256 is kept."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint(in_values("scope", get_args(Scope)), name="api_key_scope_is"),
    )
    id: UUID = Field(sa_column=id_column(key=True))
    sha256: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    scope: str = Field(sa_column=text_column())
    name: str | None = Field(sa_column=text_column(null=True))
    created_at: datetime = Field(sa_column=time_column())
    revoked_at: datetime | None = Field(sa_column=time_column(null=True))
    source: str | None = Field(sa_column=text_column(null=True))
    """The keys of one source share the ids of their messages. Null: the scope is the source."""
    may_change_addresses: bool = Field(
        sa_column=Column(Boolean, nullable=False, server_default=text("true"))
    )
    """Whether its calls may change an address of a contact that has one."""
    user_hash_secret: str | None = Field(sa_column=text_column(null=True))
    """The secret of the HMAC by which a client proves a user id."""
    origins: list[str] | None = Field(sa_column=Column(ARRAY(Text), nullable=True))
    """The origins whose pages may use the key. Null: all."""
    events_per_minute: int | None = Field(sa_column=int_column(null=True))
    """The budget of its tracking calls, for all contacts together. Null: none."""
    address_events_per_minute: int | None = Field(sa_column=int_column(null=True))
    """The budget of each network address among these. Null: none."""
    expires_at: datetime | None = Field(sa_column=time_column(null=True))
    last_used_at: datetime | None = Field(sa_column=time_column(null=True))
    """The latest minute in which it was used, to a minute or two."""


class KeyUse(SQLModel, table=True):
    """The calls of a key with a budget, in one minute and by one process of the API."""

    __tablename__ = "key_use"
    __table_args__ = (PrimaryKeyConstraint("key_id", "process"),)
    key_id: UUID = Field(sa_column=id_column(to="api_key.id"))
    process: UUID = Field(sa_column=id_column())
    minute: datetime = Field(sa_column=time_column())
    calls: int = Field(sa_column=int_column(default=0))


class Installation(SQLModel, table=True):
    """The key of this installation, as the two blocks that HMAC makes of it."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="installation_is_one_row"),)
    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    ipad: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    opad: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
