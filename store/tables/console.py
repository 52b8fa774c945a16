"""Tables of the console: sessions, drafts of documents with their editors, and saved views."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, PrimaryKeyConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import big_column, id_column, int_column, text_column, time_column


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


class ConsoleDraft(SQLModel, table=True):
    """The working copy of a document in the console: a text, finished or not, and no version."""

    __tablename__ = "console_draft"
    __table_args__ = (
        PrimaryKeyConstraint("kind", "key"),
        Index("console_draft_by_time", "saved_at"),
    )
    kind: str = Field(sa_column=text_column())
    key: str = Field(sa_column=text_column())
    text: str = Field(sa_column=text_column())
    base_version: int | None = Field(sa_column=int_column(null=True))
    """The version that it was begun from; null if there was none."""
    revision: int = Field(sa_column=big_column())
    """Of a sequence of all drafts: no two texts have the same, also after one was deleted."""
    saved_by: str = Field(sa_column=text_column())
    """The name of the key that saved it last."""
    saved_at: datetime = Field(sa_column=time_column())


class ConsoleEditor(SQLModel, table=True):
    """A page of the console in which a document is edited now."""

    __tablename__ = "console_editor"
    __table_args__ = (PrimaryKeyConstraint("kind", "key", "editor"),)
    kind: str = Field(sa_column=text_column())
    key: str = Field(sa_column=text_column())
    editor: str = Field(sa_column=text_column())
    """The id that the page has chosen."""
    name: str = Field(sa_column=text_column())
    """The name of its key."""
    since: datetime = Field(sa_column=time_column())
    seen_at: datetime = Field(sa_column=time_column())


class ConsoleView(SQLModel, table=True):
    """A list of the console with its filters, under a name: of one key, or shared by all."""

    __tablename__ = "console_view"
    __table_args__ = (PrimaryKeyConstraint("owner", "name"),)
    owner: str = Field(sa_column=text_column())
    """The id of the key; empty for a view that is shared."""
    name: str = Field(sa_column=text_column())
    page: str = Field(sa_column=text_column())
    """The path below `/console`."""
    query: str = Field(sa_column=text_column())
    saved_by: str = Field(sa_column=text_column())
    saved_at: datetime = Field(sa_column=time_column())
