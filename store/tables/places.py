"""The table of contacts that are near places."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Double, Index, PrimaryKeyConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import big_column, id_column, text_column, time_column


class NearContact(SQLModel, table=True):
    """A contact that came near one of the places of an entry, at its latest position."""

    __tablename__ = "near_contact"
    __table_args__ = (
        PrimaryKeyConstraint("contact_id", "places", "km"),
        Index("near_contact_by_time", "seen_at"),
    )
    contact_id: UUID = Field(sa_column=id_column())
    places: str = Field(sa_column=text_column())
    km: float = Field(sa_column=Column(Double, nullable=False))
    event_id: int = Field(sa_column=big_column())
    """The event of its latest position: earlier ones are not judged again."""
    seen_at: datetime = Field(sa_column=time_column())
    """When it was at this position."""
    lat: float | None = Field(sa_column=Column(Double, nullable=True))
    """Of the place that it is near; null: it has gone away."""
    lon: float | None = Field(sa_column=Column(Double, nullable=True))
