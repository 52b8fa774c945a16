"""Tables of the pace of sends: freezes, the counts of daily ceilings, turns of providers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final, Literal, get_args

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    text,
)
from sqlmodel import Field, SQLModel

from store.tables.columns import (
    flag_column,
    in_values,
    int_column,
    json_column,
    text_column,
    time_column,
)

EVERY_CHANNEL: Final = "all"
FreezeExtent = Literal["marketing", "everything"]


class Freeze(SQLModel, table=True):
    """A time in which no marketing, or nothing at all, goes out, on one channel or on all."""

    __tablename__ = "marketing_freeze"
    __table_args__ = (
        Index(
            "freeze_now",
            "channel", "stops",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
        Index("freeze_ended", "channel", "ended_at"),
        CheckConstraint(in_values("stops", get_args(FreezeExtent)), name="freeze_stops_is"),
    )  # fmt: skip
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    channel: str = Field(sa_column=text_column())
    """A channel, or `all`."""
    stops: str = Field(sa_column=text_column(default="marketing"))
    """What does not go out: `marketing`, or `everything`."""
    reason: str = Field(sa_column=text_column())
    automatic: bool = Field(sa_column=flag_column())
    by: str | None = Field(sa_column=text_column(null=True))
    """The key that asked for it; None if it was automatic."""
    figures: dict[str, Any] = Field(sa_column=json_column())
    """Of an automatic one: `sends`, `bounces` and `complaints`."""
    frozen_at: datetime = Field(sa_column=time_column())
    ended_at: datetime | None = Field(sa_column=time_column(null=True))
    ended_by: str | None = Field(sa_column=text_column(null=True))
    end_reason: str | None = Field(sa_column=text_column(null=True))


class DailyCount(SQLModel, table=True):
    """Messages of a channel that were claimed on a day, in UTC; the sum of all shards counts."""

    __tablename__ = "daily_count"
    __table_args__ = (PrimaryKeyConstraint("channel", "day", "shard"),)
    channel: str = Field(sa_column=text_column())
    day: date = Field(sa_column=Column(Date, nullable=False))
    shard: int = Field(sa_column=Column(SmallInteger, nullable=False))
    messages: int = Field(sa_column=int_column())


class ProviderTurn(SQLModel, table=True):
    """When a provider whose rate is set may be called next, by all workers together."""

    __tablename__ = "provider_turn"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)
    provider: str = Field(sa_column=text_column(key=True))
    next_at: datetime = Field(sa_column=time_column())
    back_at: datetime = Field(sa_column=time_column())
    """When the message that was last sent away asks again."""
