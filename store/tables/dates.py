"""Tables of entries by date and by schedule."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, SmallInteger, Text, text
from sqlmodel import Field, SQLModel

from store.tables.columns import id_column, text_column, time_column


class DateEntryRow(SQLModel, table=True):
    """The next moment at which a contact enters a journey by a date."""

    __tablename__ = "date_entry"
    __table_args__ = (
        PrimaryKeyConstraint("contact_id", "journey", "slot"),
        Index("date_entry_due", "look_at", postgresql_where=text("attempts = 0")),
        Index("date_entry_due_again", "look_at", postgresql_where=text("attempts > 0")),
        {"postgresql_with": {"fillfactor": "80"}},
    )
    contact_id: UUID = Field(sa_column=id_column(to="contact.id"))
    journey: str = Field(sa_column=text_column())
    slot: int = Field(sa_column=Column(SmallInteger, nullable=False))
    """Which of the journey's entries by date, from 0."""
    due_at: datetime = Field(sa_column=time_column())
    """The moment, as it was worked out last."""
    since: datetime = Field(sa_column=time_column())
    """Moments before it never enter: the journey was not live yet, or the date was another one."""
    value: str = Field(sa_column=text_column())
    """The date that the moment was worked out from, as JSON."""
    look_at: datetime = Field(sa_column=time_column())
    """When it is drained: at its moment, or later after a failure."""
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """How often it failed in a row."""


class ScheduleState(SQLModel, table=True):
    """A journey that has a Temporal Schedule, and up to when its occurrences were begun."""

    __tablename__ = "schedule_state"
    journey: str = Field(
        sa_column=Column(
            Text, ForeignKey("journey.key", ondelete="CASCADE"), nullable=False, primary_key=True
        )
    )
    begun_until: datetime = Field(sa_column=time_column())
    """Each occurrence up to it has its job, or came while journey or Schedule were paused."""


class ZoneChange(SQLModel, table=True):
    """A contact whose time zone changed lately; a trigger of `contact` writes it.

    Occurrences at the contacts' local time look for those that left a zone before its turn for one
    whose turn was over.
    """

    __tablename__ = "zone_change"
    __table_args__ = (Index("zone_change_by_time", "changed_at"),)
    contact_id: UUID = Field(sa_column=id_column(key=True, to="contact.id"))
    changed_at: datetime = Field(sa_column=time_column())


class OccurrenceAddress(SQLModel, table=True):
    """The run that sends an occurrence of a schedule to an address, for all that share it."""

    __tablename__ = "occurrence_address"
    __table_args__ = (
        PrimaryKeyConstraint("journey", "occurrence", "channel", "address_hash"),
        Index("occurrence_address_by_run", "run_id"),
    )
    journey: str = Field(sa_column=text_column())
    occurrence: datetime = Field(sa_column=time_column())
    channel: str = Field(sa_column=text_column())
    address_hash: str = Field(sa_column=text_column())
    """An HMAC under the key of the installation, as of suppressed addresses."""
    run_id: UUID = Field(sa_column=id_column(to="run.id"))
