"""Events, and what is left to do about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Text,
)
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, big_column, id_column, json_column, text_column, time_column

EVENT_ID = Sequence("event_id_seq", data_type=BigInteger, cache=1, metadata=SQLModel.metadata)


class Event(SQLModel, table=True):
    """Something a contact did, or that happened to a message."""

    __tablename__ = "event"
    __table_args__ = (Index("event_by_contact", "contact_id", "name", "id", "stamped_at"),)
    id: int = Field(
        sa_column=Column(
            BigInteger, EVENT_ID, primary_key=True, server_default=EVENT_ID.next_value()
        )
    )
    contact_id: UUID = Field(sa_column=id_column())
    name: str = Field(sa_column=text_column())
    properties: dict[str, Any] = Field(sa_column=json_column())
    message_id: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    stamped_at: datetime = Field(sa_column=time_column())
    """The database's time, under the contact's lock: the order that counts."""
    occurred_at: datetime | None = Field(sa_column=time_column(null=True))
    """When the client says it happened, its clock's error taken out."""
    original_at: datetime | None = Field(sa_column=time_column(null=True))
    """The client's time stamp as it came."""
    run_id: UUID | None = Field(sa_column=id_column(null=True))
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
    contact_id: UUID = Field(sa_column=id_column())
    event_id: int = Field(sa_column=big_column())
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    not_before: datetime | None = Field(sa_column=time_column(null=True))


class DeadEvent(SQLModel, table=True):
    """An event that could not be dispatched for good: operators see it, its contact goes on."""

    __tablename__ = "dead_event"
    event_id: int = Field(sa_column=big_column(key=True))
    contact_id: UUID = Field(sa_column=id_column(to="contact.id"))
    code: str = Field(sa_column=text_column())
    detail: str = Field(sa_column=text_column())
    died_at: datetime = Field(sa_column=time_column())


class Receipt(SQLModel, table=True):
    """A tracking call that is not an event, remembered so that it takes effect once."""

    __tablename__ = "receipt"
    message_id: str = Field(sa_column=text_column(key=True))
    received_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=NOW, index=True)
    )
