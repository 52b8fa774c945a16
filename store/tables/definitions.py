"""Tables of applied definitions: journeys with their versions, and the other documents."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from journeys.model.journey_state import JourneyState
from store.tables.columns import (
    big_column,
    flag_column,
    in_values,
    int_column,
    json_column,
    text_column,
    time_column,
)


class JourneyRow(SQLModel, table=True):
    """A journey: its state, and the version of new runs."""

    __tablename__ = "journey"
    __table_args__ = (
        CheckConstraint(in_values("state", get_args(JourneyState)), name="journey_state_is"),
    )
    key: str = Field(sa_column=text_column(key=True))
    state: str = Field(sa_column=text_column(default="draft"))
    active_version: int | None = Field(sa_column=int_column(null=True))
    created_at: datetime = Field(sa_column=time_column())
    updated_at: datetime = Field(sa_column=time_column())
    overdue: dict[str, Any] | None = Field(sa_column=json_column(null=True))
    """The policy for sends that the last pause deferred: `{policy, seconds}`; None while paused."""
    resumed_at: datetime | None = Field(sa_column=time_column(null=True))
    """When the last pause ended, which is where a spread begins."""
    paused_with_all: bool = Field(sa_column=flag_column())
    """Whether it was paused because all journeys were, and is resumed with them."""


class JourneyVersion(SQLModel, table=True):
    """An immutable edition of a journey."""

    __tablename__ = "journey_version"
    __table_args__ = (PrimaryKeyConstraint("journey", "version"),)
    journey: str = Field(
        sa_column=Column(Text, ForeignKey("journey.key", ondelete="CASCADE"), nullable=False)
    )
    version: int = Field(sa_column=int_column())
    document: dict[str, Any] = Field(sa_column=json_column())
    """The definition as its model dumps it."""
    program: dict[str, Any] = Field(sa_column=json_column())
    source: str = Field(sa_column=text_column())
    """The file's text."""
    sha256: str = Field(sa_column=text_column())
    """Of `document`: the same content makes no new version."""
    created_at: datetime = Field(sa_column=time_column())
    contents: dict[str, Any] | None = Field(sa_column=json_column(null=True))
    """The hashes of the contents of sends with texts of their own, by step; None: not compiled."""
    saved_by: str | None = Field(sa_column=text_column(null=True))
    """The name of the key that saved it; None: it is not known."""


class MessageContent(SQLModel, table=True):
    """A compiled content, which never changes: templates and steps name it by its hash."""

    __tablename__ = "message_content"
    hash: str = Field(sa_column=text_column(key=True))
    content: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = Field(sa_column=time_column())


class TemplateContent(SQLModel, table=True):
    """The content that a template has now, in one of its languages."""

    __tablename__ = "template_content"
    __table_args__ = (PrimaryKeyConstraint("template", "locale"),)
    template: str = Field(sa_column=text_column())
    locale: str = Field(sa_column=text_column())
    """Empty: the template itself."""
    hash: str = Field(sa_column=text_column())


class TemplateUse(SQLModel, table=True):
    """A template that another one has as its layout or as a partial."""

    __tablename__ = "template_use"
    __table_args__ = (PrimaryKeyConstraint("template", "used"),)
    template: str = Field(sa_column=text_column())
    used: str = Field(sa_column=text_column())


class Activation(SQLModel, table=True):
    """The version of new runs of a journey from an instant on, until the next one."""

    __tablename__ = "activation"
    __table_args__ = (Index("activation_by_journey", "journey", "id"),)
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    journey: str = Field(
        sa_column=Column(Text, ForeignKey("journey.key", ondelete="CASCADE"), nullable=False)
    )
    version: int | None = Field(sa_column=int_column(null=True))
    """None: the journey was archived."""
    activated_at: datetime = Field(sa_column=time_column())
    made_by: str | None = Field(sa_column=text_column(null=True))
    """The name of the key; None: it is not known."""


class DocumentRow(SQLModel, table=True):
    """A segment, template, topic, list of places or channel."""

    __tablename__ = "document"
    __table_args__ = (PrimaryKeyConstraint("kind", "key"),)
    kind: str = Field(sa_column=text_column())
    key: str = Field(sa_column=text_column())
    version: int = Field(sa_column=int_column(default=1))
    document: dict[str, Any] = Field(sa_column=json_column())
    source: str = Field(sa_column=text_column())
    sha256: str = Field(sa_column=text_column())
    updated_at: datetime = Field(sa_column=time_column())


class DocumentVersion(SQLModel, table=True):
    """An edition of a document other than a journey, which never changes."""

    __tablename__ = "document_version"
    __table_args__ = (PrimaryKeyConstraint("kind", "key", "version"),)
    kind: str = Field(sa_column=text_column())
    key: str = Field(sa_column=text_column())
    version: int = Field(sa_column=int_column())
    document: dict[str, Any] = Field(sa_column=json_column())
    source: str = Field(sa_column=text_column())
    created_at: datetime = Field(sa_column=time_column())
    saved_by: str | None = Field(sa_column=text_column(null=True))
    """The name of the key; None: it is not known."""


class Catalog(SQLModel, table=True):
    """The revision of all definitions, in one row: it grows with every change of one of them.

    A process that caches definitions compares it in the transaction that uses them.
    """

    __tablename__ = "catalog"
    __table_args__ = (CheckConstraint("id = 1", name="catalog_is_one_row"),)
    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    revision: int = Field(sa_column=big_column(default=0))
