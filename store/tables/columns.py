"""Columns of the tables: not null unless `null` says otherwise, and with the usual defaults."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, ForeignKey, Integer, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

NOW = text("parcours.clock()")


def in_values(column: str, values: Iterable[str]) -> str:
    """The condition that a text column has one of the values, as checks and indexes write it."""
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"{column} in ({quoted})"


def text_column(*, null: bool = False, key: bool = False, default: str | None = None) -> Any:
    """A text."""
    server = text(f"'{default}'") if default is not None else None
    return Column(Text, nullable=null, primary_key=key, server_default=server)


def flag_column() -> Any:
    """True or false; false by default."""
    return Column(Boolean, nullable=False, server_default=text("false"))


def time_column(*, null: bool = False) -> Any:
    """An instant; the database's time by default, unless it may be null."""
    return Column(DateTime(timezone=True), nullable=null, server_default=None if null else NOW)


def recording_column() -> Any:
    """The database's time of recording; null in rows from before it was kept."""
    return Column(DateTime(timezone=True), nullable=True, server_default=NOW)


def json_column(*, null: bool = False) -> Any:
    """JSON; an empty object by default, unless it may be null."""
    return Column(JSONB, nullable=null, server_default=None if null else text("'{}'"))


def id_column(*, null: bool = False, key: bool = False, to: str | None = None) -> Any:
    """A UUID; with `to` (`table.column`) a foreign key whose row is deleted with its target."""
    target = [ForeignKey(to, ondelete="CASCADE")] if to else []
    return Column(Uuid, *target, nullable=null, primary_key=key)


def big_column(*, null: bool = False, key: bool = False, default: int | None = None) -> Any:
    """An integer of 64 bits."""
    server = text(str(default)) if default is not None else None
    return Column(
        BigInteger, nullable=null, primary_key=key, server_default=server, autoincrement=False
    )


def int_column(*, null: bool = False, default: int | None = None) -> Any:
    """An integer of 32 bits."""
    server = text(str(default)) if default is not None else None
    return Column(Integer, nullable=null, server_default=server)
