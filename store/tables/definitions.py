"""What was applied: journeys with their versions, and the other documents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, PrimaryKeyConstraint, SmallInteger, Text
from sqlmodel import Field, SQLModel

from store.tables.columns import big_column, int_column, json_column, text_column, time_column


class JourneyRow(SQLModel, table=True):
    """A journey: its state, and which version new runs take."""

    __tablename__ = "journey"
    __table_args__ = (
        CheckConstraint(
            "state in ('draft', 'active', 'paused', 'archived')", name="journey_state_is"
        ),
    )
    key: str = Field(sa_column=text_column(key=True))
    state: str = Field(sa_column=text_column(default="draft"))
    active_version: int | None = Field(sa_column=int_column(null=True))
    created_at: datetime = Field(sa_column=time_column())
    updated_at: datetime = Field(sa_column=time_column())
    overdue: dict[str, Any] | None = Field(sa_column=json_column(null=True))
    """What becomes of sends that the last pause held: `{policy, seconds}`; None while paused."""
    resumed_at: datetime | None = Field(sa_column=time_column(null=True))
    """When the last pause ended: from then on a spread counts."""


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
    """The text as it was written."""
    sha256: str = Field(sa_column=text_column())
    """Of the dumped definition: the same content makes no new version."""
    created_at: datetime = Field(sa_column=time_column())


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


class Catalog(SQLModel, table=True):
    """One row: a number that grows with every change of a journey or document.

    Whoever keeps definitions in memory compares it inside the transaction that uses them.
    """

    __tablename__ = "catalog"
    __table_args__ = (CheckConstraint("id = 1", name="catalog_is_one_row"),)
    id: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    revision: int = Field(sa_column=big_column(default=0))
