"""Tables of workers: the processes that were seen, and the replay checks of builds."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Double, text
from sqlmodel import Field, SQLModel

from store.tables.columns import id_column, int_column, json_column, text_column, time_column


class WorkerProcess(SQLModel, table=True):
    """A worker process, while it is seen and for a day after; it names no machine."""

    __tablename__ = "worker_process"
    id: UUID = Field(sa_column=id_column(key=True))
    """Drawn when the process starts."""
    build: str = Field(sa_column=text_column())
    started_at: datetime = Field(sa_column=time_column())
    seen_at: datetime = Field(sa_column=time_column())
    lag: float = Field(sa_column=Column(Double, nullable=False, server_default=text("0")))
    """Seconds by which the process came late to its own last report, as a busy one does."""


class ReplayCheck(SQLModel, table=True):
    """The latest check of whether a build replays the histories of open runs."""

    __tablename__ = "replay_check"
    build: str = Field(sa_column=text_column(key=True))
    checked_at: datetime = Field(sa_column=time_column())
    replayed: int = Field(sa_column=int_column())
    """Histories that were replayed, also those that broke."""
    unread: int = Field(sa_column=int_column())
    """Histories that were sampled and not replayed: time was up, or they were gone."""
    broken: list[dict[str, Any]] = Field(sa_column=json_column())
    """`{journey, version, step, runs, code, example}` of what this build does not replay."""
