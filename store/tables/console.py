"""Tables of the console: its sessions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from store.tables.columns import id_column, text_column, time_column


class ConsoleSession(SQLModel, table=True):
    """A browser that is signed in to the console by a key; only the SHA-256 of its token is kept.

    It ends some time after its last use, and some time after its beginning: see
    `store.operations.console_sessions`.
    """

    __tablename__ = "console_session"
    __table_args__ = (
        Index("console_session_by_key", "key_id", "used_at"),
        Index("console_session_by_time", "began_at"),
    )
    sha256: str = Field(sa_column=text_column(key=True))
    key_id: UUID = Field(sa_column=id_column(to="api_key.id"))
    began_at: datetime = Field(sa_column=time_column())
    used_at: datetime = Field(sa_column=time_column())
    """The latest minute in which it was used, to a minute or two."""
