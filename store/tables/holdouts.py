"""Table of what holdouts compare: contacts that would have entered a journey, and their goals."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Numeric,
    SmallInteger,
    UniqueConstraint,
    text,
)
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


class HoldoutObservation(SQLModel, table=True):
    """A contact that a journey let in, or would have let in if a holdout had not kept it out.

    Of a contact, a journey and a design of a holdout the first one counts. The goal of those who
    entered and of those who did not is looked for in the same way.
    """

    __tablename__ = "holdout_observation"
    __table_args__ = (
        UniqueConstraint(
            "contact_id", "holdout", "design", "journey", name="holdout_observation_of_contact"
        ),
        Index(
            "holdout_observation_unmet",
            "contact_id", "event_name",
            postgresql_where=text("met_event_id is null and event_name is not null"),
        ),
        Index("holdout_observation_by_design", "holdout", "design", "journey"),
        Index("holdout_observation_by_time", "observed_at"),
        Index(
            "holdout_observation_to_look_at",
            "look_at",
            postgresql_where=text("look_at is not null"),
        ),
    )  # fmt: skip
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    holdout: str = Field(sa_column=text_column())
    design: str = Field(sa_column=text_column())
    """What decided who is held out, as `journeys.model.holdouts` hashes it."""
    journey: str = Field(sa_column=text_column())
    version: int = Field(sa_column=int_column())
    contact_id: UUID = Field(sa_column=id_column())
    """Without a foreign key, as that of a run."""
    held: bool = Field(sa_column=Column(Boolean, nullable=False))
    """Whether it was held out; otherwise it entered."""
    is_first: bool = Field(sa_column=flag_column())
    """Whether it is the first of its contact, holdout and design, in any journey."""
    observed_at: datetime = Field(sa_column=time_column())
    entry_event_id: int | None = Field(sa_column=big_column(null=True))
    entry: dict[str, Any] = Field(sa_column=json_column())
    """Properties of the entry event, if its goal may ask for them."""
    ref: int = Field(sa_column=big_column())
    """Only events with a higher id count."""
    event_name: str | None = Field(sa_column=text_column(null=True))
    """The event of the goal; None if there is none that both could meet."""
    match: dict[str, Any] = Field(sa_column=json_column())
    """Equality parts of the goal's `where`, resolved: tested with `properties @> match`."""
    rest: bool = Field(sa_column=flag_column())
    """Whether there is more to test than the name and `match`."""
    until_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """Only events that happened up to it count."""
    met_event_id: int | None = Field(sa_column=big_column(null=True))
    met_at: datetime | None = Field(sa_column=time_column(null=True))
    value: Decimal | None = Field(sa_column=Column(Numeric, nullable=True))
    look_at: datetime | None = Field(sa_column=time_column(null=True))
    """When its goal is judged again, as that has failed."""
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
