"""Tables of figures: what was counted, what is still to be added, and who was targeted."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
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

Span = Literal["quarter", "day", "total"]
"""What a counter covers: a quarter of an hour, a day of the installation, or all time."""
Cohort = Literal["occurrence", "entered"]
"""Which time places a fact: when it happened, or when its run was entered."""

FIGURE_DELTA = Table(
    "figure_delta",
    SQLModel.metadata,
    Column("journey", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("step", Text, nullable=False),
    Column("fact", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("at", DateTime(timezone=True)),
    Column("last_at", DateTime(timezone=True)),
    Column("entered_at", DateTime(timezone=True)),
    Column("count", BigInteger, nullable=False),
    Column("value", Numeric, nullable=False, server_default="0"),
    Column("removed", Boolean, nullable=False, server_default=text("false")),
    Column("targeted", Uuid),
    # For merges and erasures.
    Index("figure_delta_targeted", "targeted", postgresql_where=text("targeted is not null")),
    # It is nearly empty at most times, and cutting it short would lock it.
    postgresql_with={"autovacuum_vacuum_scale_factor": "0", "vacuum_truncate": "off"},
)
"""Changes of counters that are still to be folded, without a key: rows are appended and taken.

`at` is when it happened, and `last_at` the latest of several; `entered_at` is when the run began.
One that lacks a time is counted by the other alone: of many rows at once it takes fewer. `removed`
counts what deleted rows had counted for; `targeted` is the contact of a message that was sent.
"""


class Figure(SQLModel, table=True):
    """A counter of one fact in one span of time.

    With `removed` it is the part of that counter whose rows are deleted.
    """

    __tablename__ = "figure"
    __table_args__ = (
        PrimaryKeyConstraint(
            "journey", "span", "cohort", "removed", "begins_at", "version", "step", "fact", "label"
        ),
        CheckConstraint("span in ('quarter', 'day', 'total')", name="figure_span_is"),
        CheckConstraint("cohort in ('occurrence', 'entered')", name="figure_cohort_is"),
        Index("figure_old_quarters", "begins_at", postgresql_where=text("span = 'quarter'")),
        Index("figure_days", "begins_at", "fact", postgresql_where=text("span = 'day'")),
        {"postgresql_with": {"fillfactor": "80"}},
    )
    journey: str = Field(sa_column=text_column())
    """Empty: of the installation."""
    span: str = Field(sa_column=text_column())
    cohort: str = Field(sa_column=text_column())
    removed: bool = Field(sa_column=flag_column())
    begins_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """`-infinity` for all time."""
    version: int = Field(sa_column=int_column())
    """0: of none."""
    step: str = Field(sa_column=text_column())
    """Empty: of the journey."""
    fact: str = Field(sa_column=text_column())
    """See `store.counters.facts`."""
    label: str = Field(sa_column=text_column())
    count: int = Field(sa_column=big_column())
    value: Decimal = Field(sa_column=Column(Numeric, nullable=False, server_default="0"))
    first_at: datetime | None = Field(sa_column=time_column(null=True))
    """Of the outcomes of visits: the first and the last of them."""
    last_at: datetime | None = Field(sa_column=time_column(null=True))


class TargetedContact(SQLModel, table=True):
    """A contact to whom a message was sent on a day: the set that makes each count once."""

    __tablename__ = "targeted_contact"
    __table_args__ = (
        PrimaryKeyConstraint("contact_id", "day"),
        Index("targeted_contact_by_day", "day"),
    )
    contact_id: UUID = Field(sa_column=id_column())
    day: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """When the day begins in the zone of the installation."""


class ExperimentCount(SQLModel, table=True):
    """What the arms of a split with many contacts came to, when they were last counted."""

    __tablename__ = "experiment_count"
    __table_args__ = (PrimaryKeyConstraint("journey", "step", "version"),)
    journey: str = Field(
        sa_column=Column(Text, ForeignKey("journey.key", ondelete="CASCADE"), nullable=False)
    )
    step: str = Field(sa_column=text_column())
    version: int = Field(sa_column=int_column())
    """The first of the versions that have the split as it was counted."""
    counted_at: datetime = Field(sa_column=time_column())
    counts: dict[str, Any] = Field(sa_column=json_column())
    """See `store.reports.experiment_counts`."""
