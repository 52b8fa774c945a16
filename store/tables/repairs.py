"""Tables of repairs by operators."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args
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

from store.tables.columns import id_column, in_values, int_column, text_column, time_column

RepairAction = Literal["retry", "skip", "goto", "exit", "cancel"]
RepairItemState = Literal["waiting", "sending", "done", "left", "failed"]
"""To be worked on; a message that is being sent again; repaired; left alone, because it has gone on
or may not be repaired; given up after a fault or a refusal."""


class RunRepair(SQLModel, table=True):
    """An operator's change of the course of one run."""

    __tablename__ = "run_repair"
    __table_args__ = (
        CheckConstraint(in_values("action", get_args(RepairAction)), name="run_repair_action_is"),
        Index("run_repair_by_run", "run_id", "id"),
        Index("run_repair_by_time", "made_at"),
    )
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    run_id: UUID = Field(sa_column=id_column(to="run.id"))
    action: str = Field(sa_column=text_column())
    visit: int = Field(sa_column=int_column())
    """The newest visit at that time; 0 before the first."""
    step: str | None = Field(sa_column=text_column(null=True))
    """That visit's step."""
    target: str | None = Field(sa_column=text_column(null=True))
    """The step that the run went to."""
    reason: str = Field(sa_column=text_column())
    """Why, in the operator's words. They never reach Temporal."""
    key_id: UUID | None = Field(sa_column=id_column(null=True))
    """The API key that asked for it."""
    made_by: str = Field(sa_column=text_column())
    """The key's name, or its scope if it has none."""
    made_at: datetime = Field(sa_column=time_column())


class RepairItem(SQLModel, table=True):
    """A run, or a message of it, that a job repairs; it was chosen when the job began."""

    __tablename__ = "repair_item"
    __table_args__ = (
        PrimaryKeyConstraint("job_id", "run_id", "visit"),
        CheckConstraint(
            in_values("state", get_args(RepairItemState)), name="repair_item_state_is"
        ),
        Index(
            "repair_item_next",
            "job_id", "state", "not_before",
            postgresql_where=text("state in ('waiting', 'sending')"),
        ),
        Index(
            "repair_item_sending",
            "run_id", "visit",
            unique=True,
            postgresql_where=text("state = 'sending'"),
        ),
    )  # fmt: skip
    job_id: UUID = Field(sa_column=id_column(to="job.id"))
    run_id: UUID = Field(sa_column=id_column())
    """Without a foreign key: a run may be removed before its job is."""
    visit: int = Field(sa_column=int_column(default=0))
    """The visit at which the run was chosen; 0: it is meant wherever it is."""
    state: str = Field(sa_column=text_column(default="waiting"))
    target: str | None = Field(sa_column=text_column(null=True))
    """The step that this run goes to, where it is its own."""
    code: str | None = Field(sa_column=text_column(null=True))
    """Why it was left alone or has failed."""
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """How often it failed, or was at work."""
    claims: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """How often its message was claimed for this retry."""
    not_before: datetime = Field(sa_column=time_column())
    """When it is worked on, or its workflow is looked after, next."""
    begun_at: datetime | None = Field(sa_column=time_column(null=True))
    """When its message began to be sent again."""
