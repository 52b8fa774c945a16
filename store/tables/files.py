"""Tables of files: contents by hash, uploaded files, and files that were fetched from URLs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, LargeBinary, Text
from sqlmodel import Field, SQLModel

from store.tables.columns import int_column, text_column, time_column


def _hash_column() -> Column[str]:
    return Column(Text, ForeignKey("file_content.sha256"), nullable=False, index=True)


class FileContent(SQLModel, table=True):
    """The bytes of files, each once."""

    __tablename__ = "file_content"
    sha256: str = Field(sa_column=text_column(key=True))
    """In hexadecimal."""
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    size: int = Field(sa_column=int_column())


class UploadedFile(SQLModel, table=True):
    """A file that was uploaded, for attachments by `file`."""

    __tablename__ = "uploaded_file"
    name: str = Field(sa_column=text_column(key=True))
    sha256: str = Field(sa_column=_hash_column())
    content_type: str = Field(sa_column=text_column())
    updated_at: datetime = Field(sa_column=time_column())


class FetchedFile(SQLModel, table=True):
    """A file as it was at a URL when a document with it was last saved."""

    __tablename__ = "fetched_file"
    url: str = Field(sa_column=text_column(key=True))
    sha256: str = Field(sa_column=_hash_column())
    content_type: str = Field(sa_column=text_column())
    fetched_at: datetime = Field(sa_column=time_column())
