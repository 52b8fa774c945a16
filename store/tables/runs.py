"""Tables of runs with their visits, listeners and goals, and of refused entries."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    UniqueConstraint,
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
    recording_column,
    text_column,
    time_column,
)

RunState = Literal["active", "ended"]
CallKind = Literal["start", "stop", "wake", "goal"]
"""Start a workflow; stop or wake it by a signal; judge a run's goal."""


class Run(SQLModel, table=True):
    """One contact's passage through one version: one workflow."""

    __tablename__ = "run"
    __table_args__ = (
        CheckConstraint(in_values("state", get_args(RunState)), name="run_state_is"),
        Index(
            "run_active",
            "journey", "contact_id", "key",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index("run_by_contact", "contact_id", "journey", "started_at"),
        Index("run_by_entry_event", "entry_event_id", "journey", unique=True),
        Index(
            "run_not_started",
            "started_at",
            postgresql_where=text("state = 'active' and workflow_started_at is null"),
        ),
        Index("run_ended", "ended_at", postgresql_where=text("state = 'ended'")),
        Index("run_in_journey", "contact_id", postgresql_where=text("state = 'active'")),
        Index("run_to_stop", "ended_at", postgresql_where=text("stop_workflow")),
        Index("run_begun", "started_at"),
        Index("run_listing", "journey", "state", "id"),
        Index(
            "run_moved",
            "moved_at",
            postgresql_where=text("state = 'active' and moves_taken <> moves"),
        ),
        {"postgresql_with": {"fillfactor": "80"}},
    )  # fmt: skip
    id: UUID = Field(sa_column=id_column(key=True))
    journey: str = Field(sa_column=text_column())
    version: int = Field(sa_column=int_column())
    contact_id: UUID = Field(sa_column=id_column())
    """Without a foreign key: the runs of an erased contact are removed page by page."""
    key: str = Field(sa_column=text_column(default=""))
    state: str = Field(sa_column=text_column(default="active"))
    step: str | None = Field(sa_column=text_column(null=True))
    visit: int = Field(sa_column=int_column(default=0))
    """The newest visit, from 1; 0 before the first."""
    outcome: str | None = Field(sa_column=text_column(null=True))
    reason: str | None = Field(sa_column=text_column(null=True))
    entry_event_id: int | None = Field(sa_column=big_column(null=True))
    entry: dict[str, Any] = Field(sa_column=json_column())
    """Properties of the entry event, or of the start by API."""
    entry_ref: int = Field(sa_column=big_column())
    """Exits count the contact's events with a higher id."""
    ref: int = Field(sa_column=big_column())
    """Waits count the contact's events with a higher id: that of the run's latest wait."""
    exit_rule: int | None = Field(sa_column=int_column(null=True))
    """The exit rule that fired, while its `then` runs and after."""
    exit_visit: int | None = Field(sa_column=int_column(null=True))
    """The visit at which it fired."""
    depth: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    started_at: datetime = Field(sa_column=time_column())
    ended_at: datetime | None = Field(sa_column=time_column(null=True))
    workflow_started_at: datetime | None = Field(sa_column=time_column(null=True))
    stop_workflow: bool = Field(sa_column=flag_column())
    """The run ended here first, as by a restart: its workflow is still to be stopped."""
    start_workflow: bool = Field(sa_column=flag_column())
    """The run was begun by a step of another: a dispatcher is to start its workflow at once."""
    moves: int = Field(sa_column=int_column(default=0))
    """The number of times the run was moved, to another version or by an operator's repair."""
    moves_taken: int = Field(sa_column=int_column(default=0))
    """The number of these that its workflow has followed."""
    moved_at: datetime | None = Field(sa_column=time_column(null=True))
    skip_after: int | None = Field(sa_column=int_column(null=True))
    """The visit, overdue when the run was moved, after which sends are skipped until the next
    wait."""
    occurrence: datetime | None = Field(sa_column=time_column(null=True))
    """The occurrence of the schedule that began it."""
    entry_version: int | None = Field(sa_column=int_column(null=True))
    """The version that it began with, if it was moved to another one."""


class ParkedCall(SQLModel, table=True):
    """A call to Temporal for one run, or a look at its goal, that is still to be made.

    One that failed is tried again with growing delays. Its event is finished meanwhile.
    """

    __tablename__ = "parked_call"
    __table_args__ = (
        PrimaryKeyConstraint("run_id", "kind", "visit"),
        CheckConstraint(in_values("kind", get_args(CallKind)), name="parked_call_kind_is"),
        Index("parked_call_due", "not_before"),
    )
    run_id: UUID = Field(sa_column=id_column(to="run.id"))
    kind: str = Field(sa_column=text_column())
    visit: int = Field(sa_column=int_column(default=0))
    """The visit that a wake is for."""
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    not_before: datetime = Field(sa_column=time_column())


class Visit(SQLModel, table=True):
    """A run at a step. The row is the step's decision: a second attempt reads it."""

    __tablename__ = "visit"
    __table_args__ = (
        PrimaryKeyConstraint("run_id", "visit"),
        Index(
            "visit_held",
            "started_at",
            postgresql_where=text("held = 'paused' and outcome is null"),
        ),
        Index(
            "visit_frozen",
            "started_at",
            postgresql_where=text("held in ('frozen', 'turn', 'ceiling') and outcome is null"),
        ),
        Index(
            "visit_spread",
            "due_at",
            postgresql_where=text("held = 'paused' and outcome is null and due_at is not null"),
        ),
        Index(
            "visit_deferred",
            "held",
            "started_at",
            postgresql_where=text("held is not null and outcome is null"),
        ),
        Index("visit_of_split", "step", "run_id", postgresql_where=text("kind = 'split'")),
        Index(
            "visit_due",
            "due_at",
            postgresql_where=text("outcome is null and due_at is not null"),
        ),
        Index(
            "visit_recorded",
            text("coalesce(recorded_at, ended_at)"),
            postgresql_where=text("outcome is not null"),
        ),
    )
    run_id: UUID = Field(sa_column=id_column())
    visit: int = Field(sa_column=int_column())
    step: str = Field(sa_column=text_column())
    kind: str = Field(sa_column=text_column())
    outcome: str | None = Field(sa_column=text_column(null=True))
    """Null while the run is at this step."""
    started_at: datetime = Field(sa_column=time_column())
    ended_at: datetime | None = Field(sa_column=time_column(null=True))
    due_at: datetime | None = Field(sa_column=time_column(null=True))
    """When a wait ends by itself, or a deferred send is tried again."""
    ref: int | None = Field(sa_column=big_column(null=True))
    """Of a wait: only events with a higher id count."""
    held: str | None = Field(sa_column=text_column(null=True))
    """Why a send is deferred: `paused`, `retry`, `send_at`, `window`, `quiet_hours`, `cap`,
    `apart`, `frozen`, `turn`, `ceiling`."""
    message_id: UUID | None = Field(sa_column=id_column(null=True))
    facts: dict[str, Any] = Field(sa_column=json_column())
    """The values on which the decision was made."""
    output: dict[str, Any] = Field(sa_column=json_column())
    """The values that the step gives to later ones: `event`, `status`, `body`, `code`."""
    version: int | None = Field(sa_column=int_column(null=True))
    """The version that the run had, if it was moved since; None: the run's."""
    run_ended: bool = Field(sa_column=flag_column())
    """The run ended while the step had no outcome."""
    replaced: bool = Field(sa_column=flag_column())
    """Of a split: another run replaced the run, and compares the arms in its stead."""
    recorded_at: datetime | None = Field(sa_column=recording_column())
    """When its outcome was recorded, by the database's clock: `ended_at` is when it happened, as a
    wait ends at its event or its due time. Null if it was recorded before this was kept."""


class Listener(SQLModel, table=True):
    """An event that a waiting run is to be woken for: by a wait (`visit` > 0) or an exit (0)."""

    __tablename__ = "listener"
    __table_args__ = (
        PrimaryKeyConstraint("run_id", "visit", "slot"),
        Index("listener_by_contact", "contact_id", "event_name"),
        Index("listener_due", "due_at", postgresql_where=text("due_at is not null")),
        Index(
            "listener_on_catalog",
            "catalog_revision",
            postgresql_where=text("catalog_revision is not null"),
        ),
    )
    run_id: UUID = Field(sa_column=id_column())
    visit: int = Field(sa_column=int_column())
    slot: int = Field(sa_column=Column(SmallInteger, nullable=False))
    """Which trigger of the wait, or which exit rule, from 0."""
    contact_id: UUID = Field(sa_column=id_column())
    event_name: str | None = Field(sa_column=text_column(null=True))
    """None: a condition, which is looked at when it is due."""
    match: dict[str, Any] = Field(sa_column=json_column())
    """Equality parts of `where`, resolved: tested with `properties @> match`."""
    ref: int = Field(sa_column=big_column())
    """Only events with a higher id count."""
    rest: bool = Field(sa_column=flag_column())
    """Whether there is more to test than the name and `match`."""
    since: datetime | None = Field(sa_column=time_column(null=True))
    """Of a condition: the first instant at which it counts."""
    looked_at: datetime | None = Field(sa_column=time_column(null=True))
    """Of a condition: it did not hold from `since` up to this instant. Null before the first look;
    `ref` is the event up to which the contact's events were counted then."""
    due_at: datetime | None = Field(sa_column=time_column(null=True))
    """When a condition is to be looked at: at the next instant at which time alone could change it,
    and at once after an event. Null: only an event can change it."""
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """How many wakes and failed looks there were in a row; the next comes later each time."""
    catalog_revision: int | None = Field(sa_column=big_column(null=True))
    """Of a condition that depends on documents, such as a segment: the revision of the catalog that
    it was looked at with. A later one makes it due."""


class Goal(SQLModel, table=True):
    """The goal of a run, and whether it was met: until a moment, also after the run's end.

    A run has no row if its version has no goal, or if its entry lacks a value that the goal
    refers to.
    """

    __tablename__ = "goal"
    __table_args__ = (
        Index("goal_by_contact", "contact_id"),
        Index(
            "goal_unmet",
            "contact_id", "event_name",
            postgresql_where=text("met_event_id is null"),
        ),
        Index(
            "goal_recorded", "recorded_at", postgresql_where=text("met_event_id is not null")
        ),
    )  # fmt: skip
    run_id: UUID = Field(sa_column=id_column(key=True, to="run.id"))
    journey: str = Field(sa_column=text_column())
    contact_id: UUID = Field(sa_column=id_column())
    event_name: str = Field(sa_column=text_column())
    match: dict[str, Any] = Field(sa_column=json_column())
    """Equality parts of `where`, resolved: tested with `properties @> match`."""
    ref: int = Field(sa_column=big_column())
    """Only events with a higher id count."""
    until_at: datetime | None = Field(sa_column=time_column(null=True))
    """Only events stamped up to it count; null if all do."""
    rest: bool = Field(sa_column=flag_column())
    """Whether there is more to test than the name and `match`."""
    met_event_id: int | None = Field(sa_column=big_column(null=True))
    """The lowest id of an event that meets it."""
    met_at: datetime | None = Field(sa_column=time_column(null=True))
    """That event's stamp."""
    value: Decimal | None = Field(sa_column=Column(Numeric, nullable=True))
    """The number at the goal's `value` in that event's properties."""
    version: int | None = Field(sa_column=int_column(null=True))
    """The run's version when it was met, and the step at which the run stood or had ended."""
    step: str | None = Field(sa_column=text_column(null=True))
    entered_at: datetime | None = Field(sa_column=time_column(null=True))
    """When the run began, once it is met."""
    replaced: bool = Field(sa_column=flag_column())
    """Another run replaced the run, and the goal is that one's."""
    recorded_at: datetime | None = Field(sa_column=time_column(null=True))
    """When it was recorded as met, by the database's clock: later than `met_at`."""


class Refusal(SQLModel, table=True):
    """An entry that was refused, and why."""

    __tablename__ = "refusal"
    __table_args__ = (
        Index("refusal_by_contact", "contact_id", "journey", "id"),
        Index("refusal_by_time", "refused_at"),
        UniqueConstraint("event_id", "journey", name="refusal_of_event"),
    )
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    journey: str = Field(sa_column=text_column())
    contact_id: UUID = Field(sa_column=id_column())
    """Without a foreign key, as that of a run."""
    key: str = Field(sa_column=text_column(default=""))
    event_id: int | None = Field(sa_column=big_column(null=True))
    code: str = Field(sa_column=text_column())
    refused_at: datetime = Field(sa_column=time_column())
    replayed_at: datetime | None = Field(sa_column=time_column(null=True))
    """When an operator let it in after all."""


class StartRequest(SQLModel, table=True):
    """The first answer to an idempotency key of a start by API."""

    __tablename__ = "start_request"
    __table_args__ = (
        PrimaryKeyConstraint("journey", "idempotency_key"),
        Index("start_request_by_time", "answered_at"),
        Index("start_request_by_run", text("(answer ->> 'id')")),
    )
    journey: str = Field(sa_column=text_column())
    idempotency_key: str = Field(sa_column=text_column())
    status: int = Field(sa_column=int_column())
    answer: dict[str, Any] = Field(sa_column=json_column())
    answered_at: datetime = Field(sa_column=time_column())
