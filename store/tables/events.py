"""Tables of events, of those that are still to be dispatched, and of receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    DateTime,
    Index,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from store.tables.columns import (
    NOW,
    big_column,
    flag_column,
    id_column,
    int_column,
    json_column,
    text_column,
    time_column,
)

EVENT_ID = Sequence("event_id_seq", data_type=BigInteger, cache=1, metadata=SQLModel.metadata)


class Event(SQLModel, table=True):
    """Something that a contact did, or that happened to a message."""

    __tablename__ = "event"
    __table_args__ = (
        # The only one of a contact's events: each more costs a tenth of recording an event.
        Index("event_by_time", "contact_id", "name", "occurred_at", "id"),
        UniqueConstraint("message_id", "source", name="event_of_source"),
    )
    id: int = Field(
        sa_column=Column(
            BigInteger, EVENT_ID, primary_key=True, server_default=EVENT_ID.next_value()
        )
    )
    contact_id: UUID = Field(sa_column=id_column())
    name: str = Field(sa_column=text_column())
    properties: dict[str, Any] = Field(sa_column=json_column())
    message_id: str = Field(sa_column=text_column())
    """Its id at its source: a repeated one is not recorded again."""
    source: str = Field(sa_column=text_column(default="ingest"))
    """Whose message ids it shares: by default the scope of the key that posted it."""
    cause_id: int | None = Field(sa_column=big_column(null=True))
    """The event that the engine derived it from, if there is one."""
    stamped_at: datetime = Field(sa_column=time_column())
    """The database's time of recording, under the contact's lock."""
    client_at: datetime | None = Field(sa_column=time_column(null=True))
    """When it happened by the client's clock, corrected by that clock's error."""
    occurred_at: datetime = Field(
        sa_column=Column(
            DateTime(timezone=True),
            Computed("least(coalesce(client_at, stamped_at), stamped_at)", persisted=True),
            nullable=False,
        )
    )
    """When it happened: by the client's clock if that lies before the recording, else then."""
    original_at: datetime | None = Field(sa_column=time_column(null=True))
    """The client's time stamp, uncorrected."""
    run_id: UUID | None = Field(sa_column=id_column(null=True))
    """The only run that sees it; None for an event that every run of the contact sees."""
    depth: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """The number of `enter` and `emit` steps since the event from outside that began the chain."""


class Outbox(SQLModel, table=True):
    """An event that is not dispatched yet."""

    __tablename__ = "outbox"
    __table_args__ = (
        PrimaryKeyConstraint("contact_id", "event_id"),
        Index("outbox_by_event", "event_id"),
    )
    contact_id: UUID = Field(sa_column=id_column())
    event_id: int = Field(sa_column=big_column())
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    not_before: datetime | None = Field(sa_column=time_column(null=True))
    """When it is tried again; the contact's later events wait behind it."""
    after_visit: int | None = Field(sa_column=int_column(null=True))
    """Its listeners up to this visit and run were looked at in earlier rounds."""
    after_run: UUID | None = Field(sa_column=id_column(null=True))
    after_journey: str | None = Field(sa_column=text_column(null=True))
    """The journeys up to this one have taken or refused it in earlier rounds."""
    trace: str | None = Field(
        sa_column=Column(
            Text, server_default=text("nullif(current_setting('parcours.trace', true), '')")
        )
    )
    """The trace that it belongs to, as a `traceparent`; None where traces are not followed."""


class DeadEvent(SQLModel, table=True):
    """An event whose dispatch was given up. Later events of its contact are dispatched."""

    __tablename__ = "dead_event"
    __table_args__ = (
        Index("dead_event_by_time", "died_at"),
        Index("dead_event_by_contact", "contact_id"),
    )
    event_id: int = Field(sa_column=big_column(key=True))
    contact_id: UUID = Field(sa_column=id_column(to="contact.id"))
    code: str = Field(sa_column=text_column())
    detail: str = Field(sa_column=text_column())
    died_at: datetime = Field(sa_column=time_column())


class Receipt(SQLModel, table=True):
    """A tracking call that is not an event, remembered so that it takes effect once."""

    __tablename__ = "receipt"
    __table_args__ = (PrimaryKeyConstraint("message_id", "source"),)
    message_id: str = Field(sa_column=text_column())
    source: str = Field(sa_column=text_column(default="ingest"))
    received_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=NOW, index=True)
    )


class RejectedItem(SQLModel, table=True):
    """A tracking call, or a part of one, that was rejected, and is kept for a time."""

    __tablename__ = "rejected_item"
    __table_args__ = (
        Index("rejected_item_by_source", "source", "received_at"),
        Index("rejected_item_by_time", "received_at"),
        Index("rejected_item_by_reference", "reference"),
    )
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    source: str = Field(sa_column=text_column())
    key_id: UUID | None = Field(sa_column=id_column(null=True))
    reference: str | None = Field(sa_column=text_column(null=True))
    """The user id or the anonymous id of the call, as it was sent."""
    name: str = Field(sa_column=text_column())
    """The event's name, or the kind of call."""
    code: str = Field(sa_column=text_column())
    message: str = Field(sa_column=text_column())
    field: str | None = Field(sa_column=text_column(null=True))
    """The trait that was left out, if the call itself was accepted."""
    body: str = Field(sa_column=text_column())
    """The call as JSON, or its beginning."""
    whole: bool = Field(sa_column=flag_column())
    """Whether the body is the whole call, so that it can be replayed."""
    received_at: datetime = Field(sa_column=time_column())
    replayed_at: datetime | None = Field(sa_column=time_column(null=True))
