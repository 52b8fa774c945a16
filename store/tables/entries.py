"""The table of entries by jobs: which contacts a job has let enter, or has refused."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Index, PrimaryKeyConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import id_column


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
