"""Table of erasures: what was removed of each erased contact, without saying who it was."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from store.tables.columns import id_column, int_column, json_column, text_column, time_column


class Erasure(SQLModel, table=True):
    """An erasure of a contact. Once it is finished nothing in it names the contact."""

    __tablename__ = "erasure"
    __table_args__ = (
        Index("erasure_by_time", "requested_at", "id"),
        Index("erasure_by_subject", "subjects", postgresql_using="gin"),
        Index(
            "erasure_unfinished", "requested_at", postgresql_where=text("finished_at is null")
        ),
    )  # fmt: skip
    id: UUID = Field(sa_column=id_column(key=True))
    job_id: UUID | None = Field(sa_column=id_column(null=True))
    """The job that removes what is left, the newest if there were several."""
    contact_id: UUID | None = Field(sa_column=id_column(null=True))
    """Until it is finished: by this id the rows that are left are found."""
    subjects: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    """Hashes of the contact's ids under the key of the installation, by which it is found."""
    requested_at: datetime = Field(sa_column=time_column())
    finished_at: datetime | None = Field(sa_column=time_column(null=True))
    key_id: UUID | None = Field(sa_column=id_column(null=True))
    """The API key that asked for it."""
    requested_by: str = Field(sa_column=text_column())
    """The key's name, or its scope if it has none."""
    suppressed: int = Field(sa_column=int_column(default=0))
    """Addresses that were suppressed by it."""
    removed: dict[str, Any] = Field(sa_column=json_column())
    """Rows by kind of data."""
    words: list[str] | None = Field(sa_column=Column(ARRAY(Text), nullable=True))
    """Until it is finished: what the rows that merely mention the contact are searched for."""
    workflows: dict[str, Any] = Field(sa_column=json_column())
    """Workflows that are still to be removed from Temporal: the journey by the id of the run."""
    searching: str | None = Field(sa_column=text_column(null=True))
    """The table that is searched for mentions; None until the contact's own rows are gone."""
    searched: str | None = Field(sa_column=text_column(null=True))
    """The key in that table up to which it was searched."""
