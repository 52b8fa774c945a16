"""The tables, as one place that names them. Queries are written in SQL by subject, beside this.

Order within a contact is `event.id`, drawn from one global sequence while the contact's row is
locked; times are the database's own (`parcours.clock()`).

The rows written for every step (events, outbox, visits, listeners, messages) carry no foreign keys:
each would cost a look-up and a share lock on a hot row. `store.contacts.erase` deletes them.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION, JSONB
from sqlmodel import Field, SQLModel

EVENT_ID = Sequence("event_id_seq", data_type=BigInteger, cache=1, metadata=SQLModel.metadata)
_NOW = text("parcours.clock()")


def _text(*, null: bool = False, key: bool = False, default: str | None = None) -> Any:
    server = text(f"'{default}'") if default is not None else None
    return Column(Text, nullable=null, primary_key=key, server_default=server)


def _flag() -> Any:
    return Column(Boolean, nullable=False, server_default=text("false"))


def _time(*, null: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=null, server_default=None if null else _NOW)


def _json(*, null: bool = False) -> Any:
    return Column(JSONB, nullable=null, server_default=None if null else text("'{}'"))


def _id(*, null: bool = False, key: bool = False, to: str | None = None) -> Any:
    target = [ForeignKey(to, ondelete="CASCADE")] if to else []
    return Column(Uuid, *target, nullable=null, primary_key=key)


def _big(*, null: bool = False, key: bool = False, default: int | None = None) -> Any:
    server = text(str(default)) if default is not None else None
    return Column(
        BigInteger, nullable=null, primary_key=key, server_default=server, autoincrement=False
    )


def _int(*, null: bool = False, default: int | None = None) -> Any:
    server = text(str(default)) if default is not None else None
    return Column(Integer, nullable=null, server_default=server)


class Contact(SQLModel, table=True):
    """A person. The row is hot: no index on what changes with each event."""

    __tablename__ = "contact"
    __table_args__ = ({"postgresql_with": {"fillfactor": "80"}},)
    id: UUID = Field(sa_column=_id(key=True))
    external_id: str | None = Field(sa_column=Column(Text, nullable=True, unique=True))
    email: str | None = Field(sa_column=_text(null=True))
    phone: str | None = Field(sa_column=_text(null=True))
    timezone: str | None = Field(sa_column=_text(null=True))
    locale: str | None = Field(sa_column=_text(null=True))
    country: str | None = Field(sa_column=_text(null=True))
    score: float = Field(sa_column=Column(DOUBLE_PRECISION, nullable=False, server_default="0"))
    lifecycle: str | None = Field(sa_column=_text(null=True))
    attributes: dict[str, Any] = Field(sa_column=_json())
    created_at: datetime = Field(sa_column=_time())
    updated_at: datetime = Field(sa_column=_time())
    last_event_id: int = Field(sa_column=_big(default=0))
    """The highest event id of this contact, written under its lock by whoever adds events."""
    window_started_at: datetime | None = Field(sa_column=_time(null=True))
    window_events: int = Field(sa_column=_int(default=0))
    """Events accepted since `window_started_at`, for the limit on events per minute."""
    leased_until: datetime | None = Field(sa_column=_time(null=True))
    """Until when a dispatcher has this contact's outbox for itself."""


class Identity(SQLModel, table=True):
    """An anonymous id, and the contact it belongs to now."""

    __tablename__ = "identity"
    anonymous_id: str = Field(sa_column=_text(key=True))
    contact_id: UUID = Field(
        sa_column=Column(
            Uuid, ForeignKey("contact.id", ondelete="CASCADE"), nullable=False, index=True
        )
    )


class Event(SQLModel, table=True):
    """Something a contact did, or that happened to a message."""

    __tablename__ = "event"
    __table_args__ = (Index("event_by_contact", "contact_id", "name", "id", "stamped_at"),)
    id: int = Field(
        sa_column=Column(
            BigInteger, EVENT_ID, primary_key=True, server_default=EVENT_ID.next_value()
        )
    )
    contact_id: UUID = Field(sa_column=_id())
    name: str = Field(sa_column=_text())
    properties: dict[str, Any] = Field(sa_column=_json())
    message_id: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    stamped_at: datetime = Field(sa_column=_time())
    """The database's time, under the contact's lock: the order that counts."""
    occurred_at: datetime | None = Field(sa_column=_time(null=True))
    """When the client says it happened, its clock's error taken out."""
    original_at: datetime | None = Field(sa_column=_time(null=True))
    """The client's time stamp as it came."""
    run_id: UUID | None = Field(sa_column=_id(null=True))
    """The one run that sees it; None for an event of the contact at large."""
    depth: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """Enters and emits since the outside event that began the chain."""


class Outbox(SQLModel, table=True):
    """An event not yet dispatched."""

    __tablename__ = "outbox"
    __table_args__ = (
        PrimaryKeyConstraint("contact_id", "event_id"),
        Index("outbox_by_event", "event_id"),
    )
    contact_id: UUID = Field(sa_column=_id())
    event_id: int = Field(sa_column=_big())
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    not_before: datetime | None = Field(sa_column=_time(null=True))


class DeadEvent(SQLModel, table=True):
    """An event that could not be dispatched for good: operators see it, its contact goes on."""

    __tablename__ = "dead_event"
    event_id: int = Field(sa_column=_big(key=True))
    contact_id: UUID = Field(sa_column=_id(to="contact.id"))
    code: str = Field(sa_column=_text())
    detail: str = Field(sa_column=_text())
    died_at: datetime = Field(sa_column=_time())


class Receipt(SQLModel, table=True):
    """A tracking call that is not an event, remembered so that it takes effect once."""

    __tablename__ = "receipt"
    message_id: str = Field(sa_column=_text(key=True))
    received_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=_NOW, index=True)
    )


class TopicState(SQLModel, table=True):
    """The record of a contact's consent to a topic."""

    __tablename__ = "topic_state"
    __table_args__ = (
        CheckConstraint(
            "state in ('subscribed', 'pending', 'unsubscribed')", name="topic_state_is"
        ),
        PrimaryKeyConstraint("contact_id", "topic"),
    )
    contact_id: UUID = Field(sa_column=_id(to="contact.id"))
    topic: str = Field(sa_column=_text())
    state: str = Field(sa_column=_text())
    event_id: int | None = Field(sa_column=_big(null=True))
    changed_at: datetime = Field(sa_column=_time())


class Suppression(SQLModel, table=True):
    """An address never to write to again, kept as SHA-256 so that it outlives an erased contact."""

    __tablename__ = "suppression"
    __table_args__ = (PrimaryKeyConstraint("channel", "address_sha256"),)
    channel: str = Field(sa_column=_text())
    address_sha256: str = Field(sa_column=_text())
    reason: str = Field(sa_column=_text())
    suppressed_at: datetime = Field(sa_column=_time())


class GroupMember(SQLModel, table=True):
    """A contact in a group."""

    __tablename__ = "group_member"
    __table_args__ = (
        PrimaryKeyConstraint("contact_id", "group_key"),
        Index("group_member_by_group", "group_key"),
    )
    contact_id: UUID = Field(sa_column=_id(to="contact.id"))
    group_key: str = Field(sa_column=_text())
    added_at: datetime = Field(sa_column=_time())


class JourneyRow(SQLModel, table=True):
    """A journey: its state, and which version new runs take."""

    __tablename__ = "journey"
    __table_args__ = (
        CheckConstraint(
            "state in ('draft', 'active', 'paused', 'archived')", name="journey_state_is"
        ),
    )
    key: str = Field(sa_column=_text(key=True))
    state: str = Field(sa_column=_text(default="draft"))
    active_version: int | None = Field(sa_column=_int(null=True))
    created_at: datetime = Field(sa_column=_time())
    updated_at: datetime = Field(sa_column=_time())
    overdue: dict[str, Any] | None = Field(sa_column=_json(null=True))
    """What becomes of sends that the last pause held: `{policy, seconds}`; None while paused."""
    resumed_at: datetime | None = Field(sa_column=_time(null=True))
    """When the last pause ended: from then on a spread counts."""


class JourneyVersion(SQLModel, table=True):
    """An immutable edition of a journey."""

    __tablename__ = "journey_version"
    __table_args__ = (PrimaryKeyConstraint("journey", "version"),)
    journey: str = Field(
        sa_column=Column(Text, ForeignKey("journey.key", ondelete="CASCADE"), nullable=False)
    )
    version: int = Field(sa_column=_int())
    document: dict[str, Any] = Field(sa_column=_json())
    """The definition as its model dumps it."""
    program: dict[str, Any] = Field(sa_column=_json())
    source: str = Field(sa_column=_text())
    """The text as it was written."""
    sha256: str = Field(sa_column=_text())
    """Of the dumped definition: the same content makes no new version."""
    created_at: datetime = Field(sa_column=_time())


class DocumentRow(SQLModel, table=True):
    """A segment, template, topic, list of places or channel."""

    __tablename__ = "document"
    __table_args__ = (PrimaryKeyConstraint("kind", "key"),)
    kind: str = Field(sa_column=_text())
    key: str = Field(sa_column=_text())
    version: int = Field(sa_column=_int(default=1))
    document: dict[str, Any] = Field(sa_column=_json())
    source: str = Field(sa_column=_text())
    sha256: str = Field(sa_column=_text())
    updated_at: datetime = Field(sa_column=_time())


class Catalog(SQLModel, table=True):
    """One row: a number that grows with every change of a journey or document.

    Whoever keeps definitions in memory compares it inside the transaction that uses them.
    """

    __tablename__ = "catalog"
    __table_args__ = (CheckConstraint("id = 1", name="catalog_is_one_row"),)
    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    revision: int = Field(sa_column=_big(default=0))


class Run(SQLModel, table=True):
    """One contact's passage through one version: one workflow."""

    __tablename__ = "run"
    __table_args__ = (
        CheckConstraint("state in ('active', 'ended')", name="run_state_is"),
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
        Index("run_to_stop", "ended_at", postgresql_where=text("stop_workflow")),
        Index("run_listing", "journey", "state", "id"),
        Index(
            "run_moved",
            "moved_at",
            postgresql_where=text("state = 'active' and moves_taken <> moves"),
        ),
        {"postgresql_with": {"fillfactor": "80"}},
    )  # fmt: skip
    id: UUID = Field(sa_column=_id(key=True))
    journey: str = Field(sa_column=_text())
    version: int = Field(sa_column=_int())
    contact_id: UUID = Field(sa_column=_id(to="contact.id"))
    key: str = Field(sa_column=_text(default=""))
    state: str = Field(sa_column=_text(default="active"))
    step: str | None = Field(sa_column=_text(null=True))
    visit: int = Field(sa_column=_int(default=0))
    """The newest visit, from 1; 0 before the first."""
    outcome: str | None = Field(sa_column=_text(null=True))
    reason: str | None = Field(sa_column=_text(null=True))
    entry_event_id: int | None = Field(sa_column=_big(null=True))
    entry: dict[str, Any] = Field(sa_column=_json())
    """Properties of the entry event, or of the start by API."""
    entry_ref: int = Field(sa_column=_big())
    """Exits count the contact's events with a higher id."""
    ref: int = Field(sa_column=_big())
    """Waits count the contact's events with a higher id: where the run last stood still."""
    exit_rule: int | None = Field(sa_column=_int(null=True))
    """The exit rule that fired, while its `then` runs and after."""
    exit_visit: int | None = Field(sa_column=_int(null=True))
    """The visit at which it fired."""
    depth: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    started_at: datetime = Field(sa_column=_time())
    ended_at: datetime | None = Field(sa_column=_time(null=True))
    workflow_started_at: datetime | None = Field(sa_column=_time(null=True))
    stop_workflow: bool = Field(sa_column=_flag())
    """Ended here first (a restart, an erased contact): the workflow is still to be told."""
    start_workflow: bool = Field(sa_column=_flag())
    """Begun by a step of another run: a dispatcher is to start the workflow at once."""
    moves: int = Field(sa_column=_int(default=0))
    """How often the run was moved to another version."""
    moves_taken: int = Field(sa_column=_int(default=0))
    """How many of these its workflow has followed."""
    moved_at: datetime | None = Field(sa_column=_time(null=True))
    skip_after: int | None = Field(sa_column=_int(null=True))
    """The visit, overdue when the run was moved, after which sends are skipped until the next
    wait."""


class Visit(SQLModel, table=True):
    """A run at a step. The row is the decision: whoever comes second reads it."""

    __tablename__ = "visit"
    __table_args__ = (
        PrimaryKeyConstraint("run_id", "visit"),
        Index(
            "visit_held",
            "started_at",
            postgresql_where=text("held = 'paused' and outcome is null"),
        ),
        Index(
            "visit_spread",
            "due_at",
            postgresql_where=text("held = 'paused' and outcome is null and due_at is not null"),
        ),
    )
    run_id: UUID = Field(sa_column=_id())
    visit: int = Field(sa_column=_int())
    step: str = Field(sa_column=_text())
    kind: str = Field(sa_column=_text())
    outcome: str | None = Field(sa_column=_text(null=True))
    """Null while the run stands here."""
    started_at: datetime = Field(sa_column=_time())
    ended_at: datetime | None = Field(sa_column=_time(null=True))
    due_at: datetime | None = Field(sa_column=_time(null=True))
    """When a wait ends by itself, or a held send looks again."""
    ref: int | None = Field(sa_column=_big(null=True))
    """Of a wait: the reference it counts events from."""
    held: str | None = Field(sa_column=_text(null=True))
    """Why a send stands still: `paused`, `retry`, `send_at`, `window`, `quiet_hours`, `cap`."""
    message_id: UUID | None = Field(sa_column=_id(null=True))
    facts: dict[str, Any] = Field(sa_column=_json())
    """What the decision saw."""
    output: dict[str, Any] = Field(sa_column=_json())
    """What the step leaves: `event`, `status`, `body`, `code`."""


class Listener(SQLModel, table=True):
    """An event that a run would act on: of a wait (`visit` > 0), or of an exit (`visit` 0)."""

    __tablename__ = "listener"
    __table_args__ = (
        PrimaryKeyConstraint("run_id", "visit", "slot"),
        Index("listener_by_contact", "contact_id", "event_name"),
    )
    run_id: UUID = Field(sa_column=_id())
    visit: int = Field(sa_column=_int())
    slot: int = Field(sa_column=Column(SmallInteger, nullable=False))
    """Which trigger of the wait, or which exit rule, from 0."""
    contact_id: UUID = Field(sa_column=_id())
    event_name: str | None = Field(sa_column=_text(null=True))
    """None: a condition, looked at on every event of the contact."""
    match: dict[str, Any] = Field(sa_column=_json())
    """Equality parts of `where`, resolved: tested with `properties @> match`."""
    ref: int = Field(sa_column=_big())
    """Only events with a higher id count."""
    rest: bool = Field(sa_column=_flag())
    """There is more to test than the name and `match`."""
    timed: bool = Field(sa_column=_flag())
    """Time alone can make it true: looked at hourly as well."""


class Goal(SQLModel, table=True):
    """What a run is for: whether its goal was met, until a moment and beyond the run's end.

    A run has no row if its version has no goal, or if its entry lacks what the goal asks for.
    """

    __tablename__ = "goal"
    __table_args__ = (
        Index(
            "goal_unmet",
            "contact_id", "event_name",
            postgresql_where=text("met_event_id is null"),
        ),
    )  # fmt: skip
    run_id: UUID = Field(sa_column=_id(key=True, to="run.id"))
    journey: str = Field(sa_column=_text())
    contact_id: UUID = Field(sa_column=_id())
    event_name: str = Field(sa_column=_text())
    match: dict[str, Any] = Field(sa_column=_json())
    """Equality parts of `where`, resolved: tested with `properties @> match`."""
    ref: int = Field(sa_column=_big())
    """Only events with a higher id count."""
    until_at: datetime | None = Field(sa_column=_time(null=True))
    """Only events stamped up to it count; null: all."""
    rest: bool = Field(sa_column=_flag())
    """There is more to test than the name and `match`."""
    met_event_id: int | None = Field(sa_column=_big(null=True))
    """The smallest id of an event that meets it."""
    met_at: datetime | None = Field(sa_column=_time(null=True))
    """That event's stamp."""
    value: Decimal | None = Field(sa_column=Column(Numeric, nullable=True))
    """The number at the goal's `value` in that event's properties."""


class Message(SQLModel, table=True):
    """One e-mail, SMS or call to a webhook of one visit."""

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint(
            "state in ('claimed', 'sent', 'refused', 'released', 'unknown')",
            name="message_state_is",
        ),
        UniqueConstraint("run_id", "visit", name="message_of_visit"),
        Index("message_by_contact", "contact_id", "step"),
        Index("message_unsettled", "claimed_at", postgresql_where=text("state = 'claimed'")),
        Index(
            "message_counted",
            "contact_id", "channel", "claimed_at",
            postgresql_where=text(
                "not transactional and state in ('claimed', 'sent', 'unknown')"
            ),
        ),
    )  # fmt: skip
    id: UUID = Field(sa_column=_id(key=True))
    run_id: UUID = Field(sa_column=_id())
    visit: int = Field(sa_column=_int())
    step: str = Field(sa_column=_text())
    contact_id: UUID = Field(sa_column=_id())
    channel: str = Field(sa_column=_text())
    topic: str | None = Field(sa_column=_text(null=True))
    transactional: bool = Field(sa_column=_flag())
    """Owed to the contact, or no message to it but a call to a webhook: no cap counts it."""
    state: str = Field(sa_column=_text())
    token: str = Field(sa_column=_text())
    """The attempt that holds the claim."""
    attempts: int = Field(sa_column=_int(default=1))
    first_attempt_at: datetime = Field(sa_column=_time())
    claimed_at: datetime = Field(sa_column=_time())
    settled_at: datetime | None = Field(sa_column=_time(null=True))
    provider_id: str | None = Field(sa_column=_text(null=True))
    code: str | None = Field(sa_column=_text(null=True))
    detail: str | None = Field(sa_column=_text(null=True))
    """The provider's words: they may hold an address, so they stay here."""
    delivered_at: datetime | None = Field(sa_column=_time(null=True))
    opened_at: datetime | None = Field(sa_column=_time(null=True))
    clicked_at: datetime | None = Field(sa_column=_time(null=True))
    bounced_at: datetime | None = Field(sa_column=_time(null=True))
    replied_at: datetime | None = Field(sa_column=_time(null=True))


class CouponPool(SQLModel, table=True):
    """Codes that were imported under one name."""

    __tablename__ = "coupon_pool"
    key: str = Field(sa_column=_text(key=True))
    imported_at: datetime = Field(sa_column=_time())
    """The last time that codes came."""


class Coupon(SQLModel, table=True):
    """A code, given once. Once it is drawn it is spent, even if its contact is erased."""

    __tablename__ = "coupon"
    __table_args__ = (
        UniqueConstraint("pool", "code", name="coupon_code"),
        Index("coupon_left", "pool", "id", postgresql_where=text("drawn_at is null")),
        Index(
            "coupon_by_contact",
            "contact_id", "code",
            postgresql_where=text("contact_id is not null"),
        ),
    )  # fmt: skip
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    """Codes are drawn in the order in which they came."""
    pool: str = Field(
        sa_column=Column(Text, ForeignKey("coupon_pool.key", ondelete="CASCADE"), nullable=False)
    )
    code: str = Field(sa_column=_text())
    drawn_at: datetime | None = Field(sa_column=_time(null=True))
    contact_id: UUID | None = Field(sa_column=_id(null=True))
    """Who has it; None again once that contact is erased."""
    run_id: UUID | None = Field(sa_column=_id(null=True))
    visit: int | None = Field(sa_column=_int(null=True))
    redeemed_at: datetime | None = Field(sa_column=_time(null=True))


class Refusal(SQLModel, table=True):
    """An entry that was refused, and why."""

    __tablename__ = "refusal"
    __table_args__ = (
        Index("refusal_by_contact", "contact_id", "journey", "id"),
        UniqueConstraint("event_id", "journey", name="refusal_of_event"),
    )
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    journey: str = Field(sa_column=_text())
    contact_id: UUID = Field(sa_column=_id(to="contact.id"))
    key: str = Field(sa_column=_text(default=""))
    event_id: int | None = Field(sa_column=_big(null=True))
    code: str = Field(sa_column=_text())
    refused_at: datetime = Field(sa_column=_time())


class StartRequest(SQLModel, table=True):
    """The first answer to an idempotency key of a start by API."""

    __tablename__ = "start_request"
    __table_args__ = (PrimaryKeyConstraint("journey", "idempotency_key"),)
    journey: str = Field(sa_column=_text())
    idempotency_key: str = Field(sa_column=_text())
    status: int = Field(sa_column=_int())
    answer: dict[str, Any] = Field(sa_column=_json())
    answered_at: datetime = Field(sa_column=_time())


class ApiKey(SQLModel, table=True):
    """A key of the API; only its SHA-256 is kept."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("scope in ('ingest', 'operate', 'admin')", name="api_key_scope_is"),
    )
    id: UUID = Field(sa_column=_id(key=True))
    sha256: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    scope: str = Field(sa_column=_text())
    name: str | None = Field(sa_column=_text(null=True))
    created_at: datetime = Field(sa_column=_time())
    revoked_at: datetime | None = Field(sa_column=_time(null=True))


class Fault(SQLModel, table=True):
    """What went wrong in an activity: the detail that Temporal must not see."""

    __tablename__ = "fault"
    __table_args__ = (Index("fault_by_run", "run_id", "id"),)
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    run_id: UUID | None = Field(sa_column=_id(null=True, to="run.id"))
    visit: int | None = Field(sa_column=_int(null=True))
    activity: str = Field(sa_column=_text())
    code: str = Field(sa_column=_text())
    detail: str = Field(sa_column=_text())
    happened_at: datetime = Field(sa_column=_time())


class SweepCursor(SQLModel, table=True):
    """How far the sweep over closed workflows has read."""

    __tablename__ = "sweep_cursor"
    name: str = Field(sa_column=_text(key=True))
    closed_until: datetime = Field(sa_column=_time())
    leased_until: datetime | None = Field(sa_column=_time(null=True))


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
    id: UUID = Field(sa_column=_id(key=True))
    kind: str = Field(sa_column=_text())
    journey: str = Field(
        sa_column=Column(Text, ForeignKey("journey.key", ondelete="CASCADE"), nullable=False)
    )
    version: int | None = Field(sa_column=_int(null=True))
    """Of a move: where to."""
    state: str = Field(sa_column=_text(default="running"))
    plan: dict[str, Any] = Field(sa_column=_json())
    """`{map, overdue}`."""
    total: int = Field(sa_column=_int(default=0))
    """Runs it had before it when it began."""
    done: int = Field(sa_column=_int(default=0))
    """Runs it is through with."""
    moved: int = Field(sa_column=_int(default=0))
    kept: int = Field(sa_column=_int(default=0))
    """Runs that keep their version."""
    after: UUID | None = Field(sa_column=_id(null=True))
    """It has come through the runs up to this id."""
    reached: datetime | None = Field(sa_column=_time(null=True))
    """It has woken the sends that were due up to this time."""
    spreading: bool = Field(sa_column=_flag())
    """Every held send has its due time: it wakes them in their order."""
    started_at: datetime = Field(sa_column=_time())
    ended_at: datetime | None = Field(sa_column=_time(null=True))
    workflow_started_at: datetime | None = Field(sa_column=_time(null=True))


class Straggler(SQLModel, table=True):
    """A run that was at work when a move came by: it is moved when it next stands still."""

    __tablename__ = "straggler"
    __table_args__ = (PrimaryKeyConstraint("job_id", "run_id"),)
    job_id: UUID = Field(sa_column=_id(to="job.id"))
    run_id: UUID = Field(sa_column=_id())
    tried_at: datetime = Field(sa_column=_time())
