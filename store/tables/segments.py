"""Tables of segments: their generations, their members, what changed, and what is due."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    text,
)
from sqlmodel import Field, SQLModel

from store.tables.columns import (
    big_column,
    flag_column,
    id_column,
    in_values,
    int_column,
    json_column,
    text_column,
    time_column,
)

FillState = Literal["filling", "ready"]
"""Whether every contact was judged by the present generation."""
ChangedBy = Literal["event", "time", "fill", "import", "merge"]
"""What made a contact enter or leave a segment."""


class SegmentRow(SQLModel, table=True):
    """A segment whose membership is kept."""

    __tablename__ = "segment"
    __table_args__ = (CheckConstraint(in_values("state", get_args(FillState)), name="segment_is"),)
    key: str = Field(sa_column=text_column(key=True))
    generation: int = Field(sa_column=int_column())
    version: int = Field(sa_column=int_column())
    """Of its document."""
    state: str = Field(sa_column=text_column(default="filling"))
    since: datetime = Field(sa_column=time_column())
    """When the generation began."""
    dependencies: dict[str, Any] = Field(sa_column=json_column())
    """What the membership depends on, as readers see it."""
    job_id: UUID | None = Field(sa_column=id_column(null=True))
    """The job that fills it."""
    filled_at: datetime | None = Field(sa_column=time_column(null=True))
    checked_at: datetime | None = Field(sa_column=time_column(null=True))
    """When the members were last compared with the condition."""
    corrected: int = Field(sa_column=int_column(default=0))
    """How many were wrong then."""
    slow_at: datetime | None = Field(sa_column=time_column(null=True))
    """When judging contacts by it last took so long that it is judged apart."""


class SegmentGeneration(SQLModel, table=True):
    """The condition of a segment from an instant on. It never changes."""

    __tablename__ = "segment_generation"
    __table_args__ = (PrimaryKeyConstraint("segment", "generation"),)
    segment: str = Field(sa_column=text_column())
    generation: int = Field(sa_column=int_column())
    condition: dict[str, Any] = Field(sa_column=json_column())
    """It names no segment: the conditions of those inside it stand in their places."""
    since: datetime = Field(sa_column=time_column())


class SegmentMember(SQLModel, table=True):
    """A contact in a segment."""

    __tablename__ = "segment_member"
    __table_args__ = (
        PrimaryKeyConstraint("segment", "contact_id"),
        Index("segment_member_by_contact", "contact_id"),
    )
    segment: str = Field(sa_column=text_column())
    contact_id: UUID = Field(sa_column=id_column())
    generation: int = Field(sa_column=int_column())
    """The generation that it entered by."""
    entered_at: datetime = Field(sa_column=time_column())


class SegmentChange(SQLModel, table=True):
    """A contact entered a segment, or left it. Rows are only added."""

    __tablename__ = "segment_change"
    __table_args__ = (
        CheckConstraint(in_values("by", get_args(ChangedBy)), name="segment_change_by"),
        Index("segment_change_by_segment", "segment", "id"),
        Index("segment_change_by_contact", "contact_id", "id"),
        Index("segment_change_by_time", "recorded_at"),
    )
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    contact_id: UUID = Field(sa_column=id_column())
    segment: str = Field(sa_column=text_column())
    entered: bool = Field(sa_column=flag_column())
    at: datetime = Field(sa_column=time_column())
    """The instant at which it became so, however late that was found."""
    by: str = Field(sa_column=text_column())
    event_id: int | None = Field(sa_column=big_column(null=True))
    """The event that it follows from; None if time or a job brought it."""
    recorded_at: datetime = Field(sa_column=time_column())


class SegmentDue(SQLModel, table=True):
    """When a contact is to be judged by a segment again: because time alone may change whether it
    is in it, or because judging it was put off."""

    __tablename__ = "segment_due"
    __table_args__ = (
        PrimaryKeyConstraint("contact_id", "segment"),
        Index("segment_due_by_time", "due_at", postgresql_where=text("lane = 0")),
        Index("segment_due_by_lane", "lane", "take_at", postgresql_where=text("lane > 0")),
    )
    contact_id: UUID = Field(sa_column=id_column())
    segment: str = Field(sa_column=text_column())
    """Empty: all segments are to be judged, because contacts were merged."""
    due_at: datetime = Field(sa_column=time_column())
    """The instant that it is judged as of, however late that happens."""
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """How often judging it has failed."""
    lane: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """Who takes it: see `DueLane`."""
    take_at: datetime | None = Field(sa_column=time_column(null=True))
    """When it has its turn, in a lane other than the first."""
    reference: int | None = Field(sa_column=big_column(null=True))
    """The contact was judged by it up to this event; None: as by its other segments."""


class DueLane(IntEnum):
    """The queues of what is due, so that what takes long delays nothing else."""

    TIME = 0
    """An instant that has come."""
    BEHIND = 1
    """Events at which there was no time to judge it."""
    SLOW = 2
    """The same, of a segment that takes long."""
    AGAIN = 3
    """What could not be judged."""
