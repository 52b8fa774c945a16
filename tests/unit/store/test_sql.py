"""SQL as a type: what builds it, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import bindparam, select
from sqlmodel import col

from journeys.protocol.message_status import STATUSES
from store.sql import (
    Sql,
    column_definitions,
    columns,
    name,
    sql,
    statement,
    table_columns,
    text_list,
)
from store.tables.messages import Message
from store.tables.runs import Run


@dataclass
class Row:
    id: UUID
    journey: str
    visit: int


def test_only_the_builders_make_sql() -> None:
    with pytest.raises(TypeError):
        Sql("select 1", None)


def test_a_part_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for id"):
        sql("select {journey}", journey=name("journey"), id=name("id"))


def test_braces_that_name_no_part_stay() -> None:
    assert str(sql("select '{held,-1}', {id}", id=name("id"))) == "select '{held,-1}', id"


@pytest.mark.parametrize("text", ["", "Run", "a b", "a;b", "1a", "é"])
def test_a_name_is_of_small_letters_digits_and_underscores(text: str) -> None:
    with pytest.raises(ValueError, match="no name in SQL"):
        name(text)


def test_columns_are_the_fields_of_the_dataclass() -> None:
    assert str(columns(Row)) == "id, journey, visit"
    assert str(columns(Row, of="r", without=("journey",))) == "r.id, r.visit"
    assert [column.name for column in table_columns(Run, Row)] == ["id", "journey", "visit"]
    assert str(column_definitions(Run, Row)) == "id UUID, journey TEXT, visit INTEGER"


def test_texts_are_quoted_and_escaped() -> None:
    assert str(text_list(["sent", "it's 5%"])) == "'sent', 'it''s 5%%'"


def test_a_core_statement_has_literals_and_named_parameters() -> None:
    query = select(col(Run.id)).where(
        col(Run.state) == "active", col(Run.journey) == bindparam("journey")
    )
    assert str(statement(query)).split() == [
        "SELECT", "run.id", "FROM", "run", "WHERE", "run.state", "=", "'active'", "AND",
        "run.journey", "=", "%(journey)s::VARCHAR",
    ]  # fmt: skip


def test_a_message_keeps_the_time_of_each_status() -> None:
    known = {column.name for column in Message.__table__.c}  # type: ignore[attr-defined]
    assert {f"{status}_at" for status in STATUSES} <= known
