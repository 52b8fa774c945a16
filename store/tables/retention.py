"""Tables of what outlives removed rows: last entries, and reports of the retention."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, PrimaryKeyConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import (
    id_column,
    json_column,
    text_column,
    time_column,
)


class LastEntry(SQLModel, table=True):
    """The start of the last of the removed runs, by which re-entry is still decided."""

    __tablename__ = "last_entry"
    __table_args__ = (PrimaryKeyConstraint("contact_id", "journey", "key"),)
    contact_id: UUID = Field(sa_column=id_column(to="contact.id"))
    journey: str = Field(sa_column=text_column())
    key: str = Field(sa_column=text_column(default=""))
    started_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class RetentionReport(SQLModel, table=True):
    """What one run of the retention has removed so far."""

    __tablename__ = "retention_report"
    id: UUID = Field(sa_column=id_column(key=True))
    started_at: datetime = Field(sa_column=time_column())
    ended_at: datetime | None = Field(sa_column=time_column(null=True))
    removed: dict[str, Any] = Field(sa_column=json_column())
    """Rows by kind of data."""
    exempt: dict[str, Any] = Field(sa_column=json_column())
    """`{events: [names]}`: events that live documents use without a bound in time."""
