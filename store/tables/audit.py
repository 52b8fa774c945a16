"""Table of the audit log: who changed what, when, and by which way."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, text
from sqlmodel import Field, SQLModel

from store.tables.columns import (
    id_column,
    in_values,
    json_column,
    text_column,
    time_column,
)

Via = Literal["api", "cli", "console", "command", "engine"]
"""The way of a change: a call of the API, of our command line or of the console; a command that
works in the database itself; or the engine, by itself."""


class AuditRow(SQLModel, table=True):
    """A change that was made. A trigger refuses to change it, and to delete it."""

    __tablename__ = "audit"
    __table_args__ = (
        CheckConstraint(in_values("via", get_args(Via)), name="audit_via_is"),
        Index("audit_by_time", "at", "id"),
        Index("audit_by_subject", "subject_kind", "subject", "at", "id"),
        Index(
            "audit_by_journey",
            "journey",
            "at",
            "id",
            postgresql_where=text("journey is not null"),
        ),
        Index("audit_by_action", "action", "at", "id"),
        Index("audit_by_key", "key_id", "at", "id", postgresql_where=text("key_id is not null")),
        Index("audit_with_reason", "id", postgresql_where=text("reason is not null")),
        Index("audit_by_actor", "actor", "at", "id"),
    )
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    at: datetime = Field(sa_column=time_column())
    actor: str = Field(sa_column=text_column())
    """The name of the key; of a command, the account of the system; `engine`."""
    key_id: UUID | None = Field(sa_column=id_column(null=True))
    scope: str | None = Field(sa_column=text_column(null=True))
    """That of the key when it was used."""
    via: str = Field(sa_column=text_column())
    action: str = Field(sa_column=text_column())
    """`noun.verb`, one of `store.operations.audit_actions`."""
    subject_kind: str = Field(sa_column=text_column())
    subject: str = Field(sa_column=text_column())
    """What was changed, of this kind: a key or an id. Of a contact our own id, and once it is
    erased a hash of that."""
    journey: str | None = Field(sa_column=text_column(null=True))
    """The journey that the change is about, if there is one."""
    before: dict[str, Any] | None = Field(sa_column=json_column(null=True))
    """Versions, states and names of fields, never a value about a person."""
    after: dict[str, Any] | None = Field(sa_column=json_column(null=True))
    reason: str | None = Field(sa_column=text_column(null=True))
    """What the caller gave as the reason. Emptied if it mentions a contact that is erased."""
    request_id: str | None = Field(sa_column=text_column(null=True))
