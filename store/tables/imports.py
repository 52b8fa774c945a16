"""Tables of imports and exports: their files, refused lines, and what an import has changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, PrimaryKeyConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import (
    big_column,
    flag_column,
    id_column,
    int_column,
    json_column,
    text_column,
    time_column,
)


class JobFile(SQLModel, table=True):
    """A file that a job reads, or has written. Its parts have been unpacked and made plain text."""

    __tablename__ = "job_file"
    __table_args__ = (Index("job_file_by_time", "received_at"),)
    job_id: UUID = Field(sa_column=id_column(key=True))
    """Of an import: inserted after its file has arrived."""
    name: str = Field(sa_column=text_column())
    media_type: str = Field(sa_column=text_column())
    bytes: int = Field(sa_column=big_column(default=0))
    lines: int = Field(sa_column=big_column(default=0))
    received_at: datetime = Field(sa_column=time_column())


class JobChunk(SQLModel, table=True):
    """A part of a file, packed by zlib."""

    __tablename__ = "job_chunk"
    __table_args__ = (PrimaryKeyConstraint("job_id", "number"),)
    job_id: UUID = Field(sa_column=id_column(to="job_file.job_id"))
    number: int = Field(sa_column=int_column())
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ImportLine(SQLModel, table=True):
    """A line that was refused, or of which a value was left out, or one that a dry run shows."""

    __tablename__ = "import_line"
    __table_args__ = (
        PrimaryKeyConstraint("job_id", "line", "number"),
        Index("import_line_by_reference", "reference"),
    )
    job_id: UUID = Field(sa_column=id_column(to="job.id"))
    line: int = Field(sa_column=big_column())
    number: int = Field(sa_column=int_column())
    """The number of what is said about the line."""
    kind: str = Field(sa_column=text_column())
    """`refused`, `left_out`, or `sample`."""
    code: str = Field(sa_column=text_column())
    message: str = Field(sa_column=text_column())
    reference: str | None = Field(sa_column=text_column(null=True))
    """The external id, or the address, of its contact."""
    content: Any = Field(sa_column=json_column(null=True))
    """The cells of a line, its JSON object, or what would be of it."""


class ImportChange(SQLModel, table=True):
    """What an import has done to a contact, so that it can be undone."""

    __tablename__ = "import_change"
    __table_args__ = (
        PrimaryKeyConstraint("job_id", "contact_id"),
        Index("import_change_by_contact", "contact_id"),
    )
    job_id: UUID = Field(sa_column=id_column())
    contact_id: UUID = Field(sa_column=id_column())
    created: bool = Field(sa_column=flag_column())
    last_event_id: int = Field(sa_column=big_column())
    """The contact's newest event when the import was done with it."""
    before: dict[str, Any] | None = Field(sa_column=json_column(null=True))
    """Of the values that it changed: those before. A value that was not there is left out."""
    after: dict[str, Any] | None = Field(sa_column=json_column(null=True))
    """The values that it set. A value that it removed is left out."""
    names: list[str] | None = Field(sa_column=json_column(null=True))
    """The names of all values that it changed."""
    groups: list[str] | None = Field(sa_column=json_column(null=True))
    """The groups that the contact joined by it."""
    consents: int = Field(sa_column=int_column(default=0))
    """The consents that it recorded."""


class ImportedEvent(SQLModel, table=True):
    """A past event that an import has recorded."""

    __tablename__ = "imported_event"
    __table_args__ = (PrimaryKeyConstraint("job_id", "event_id"),)
    job_id: UUID = Field(sa_column=id_column())
    event_id: int = Field(sa_column=big_column())


class ImportedSuppression(SQLModel, table=True):
    """A suppression that an import has added."""

    __tablename__ = "imported_suppression"
    __table_args__ = (PrimaryKeyConstraint("job_id", "channel", "address_hash"),)
    job_id: UUID = Field(sa_column=id_column())
    channel: str = Field(sa_column=text_column())
    address_hash: str = Field(sa_column=text_column())
    reason: str = Field(sa_column=text_column())
