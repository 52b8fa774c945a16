"""Tables of repairs by operators."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index
from sqlmodel import Field, SQLModel

from store.tables.columns import id_column, in_values, int_column, text_column, time_column

RepairAction = Literal["retry", "skip", "goto", "exit", "cancel"]


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
