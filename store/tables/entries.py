"""Tables of entries by jobs, and of entries that are kept while a journey is paused."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, Text
from sqlmodel import Field, SQLModel

from store.tables.columns import big_column, id_column, text_column, time_column


class JobEntry(SQLModel, table=True):
    """A contact that a job has worked on: it enters once for each job."""

    __tablename__ = "job_entry"
    __table_args__ = (
        PrimaryKeyConstraint("job_id", "contact_id"),
        Index("job_entry_by_contact", "contact_id"),
    )
    job_id: UUID = Field(sa_column=id_column(to="job.id"))
    contact_id: UUID = Field(sa_column=id_column())
    run_id: UUID | None = Field(sa_column=id_column(null=True))
    """The run that began; null: the entry was refused."""


class KeptEntry(SQLModel, table=True):
    """An event that may begin a run once its journey is no longer paused: the newest of its key."""

    __tablename__ = "kept_entry"
    __table_args__ = (
        PrimaryKeyConstraint("contact_id", "journey", "key"),
        Index("kept_entry_by_journey", "journey", "event_id"),
        Index("kept_entry_by_time", "kept_at"),
    )
    journey: str = Field(
        sa_column=Column(Text, ForeignKey("journey.key", ondelete="CASCADE"), nullable=False)
    )
    contact_id: UUID = Field(sa_column=id_column(to="contact.id"))
    key: str = Field(sa_column=text_column(default=""))
    event_id: int = Field(sa_column=big_column())
    kept_at: datetime = Field(sa_column=time_column())
