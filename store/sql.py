"""SQL as a type of its own, and the functions that run it on a psycopg connection.

A statement comes from `sql` (text whose shape is the point: locks, several CTEs, compiled
conditions) or from `statement` (a `select`, `insert`, `update` or `delete` of SQLAlchemy Core over
the tables of `store.tables`). Both are compiled once, when their module is loaded, and run by
psycopg on the connection at hand: no session, no second pool. Text glued together from strings is a
`str`, which nothing here runs.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Final, LiteralString, TypeVar

from psycopg import AsyncConnection, AsyncRawCursor, InterfaceError, OperationalError
from psycopg import Error as PsycopgError
from psycopg.rows import class_row, dict_row
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.sql import Delete, Insert, Select, Update
from sqlmodel import SQLModel

Connection = AsyncConnection[Any]
Parameters = Mapping[str, Any] | Sequence[Any]
Row = TypeVar("Row")

DATABASE_AWAY: Final = (OperationalError, InterfaceError)
"""The classes of a lost connection, a pool's among them. psycopg also gives them to a deadlock, a
timeout and a refused statement: `is_database_away` and `is_database_busy` tell these apart."""
_AWAY: Final = ("08", "28", "57P", "53", "58", "25006")
"""SQLSTATEs, or how they begin, of a server that serves no statement: it is lost, closing, out of
disk, or has become a standby."""
_BUSY: Final = ("40", "55006", "55P03", "57014", "25P04")
"""Of a transaction that may succeed if it is repeated: deadlocks, conflicts and timeouts."""

_PLACE = re.compile(r"\{([a-z_]+)\}")
_PARAMETER = re.compile(r"%(?:%|\(([a-z][a-z0-9_]*)\)s)")
_INDENTATION = re.compile(r"\n\s+")
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_BUILT: Final = object()


def is_database_away(error: BaseException) -> bool:
    """Whether the database cannot be reached or serves no statement at all."""
    if not isinstance(error, PsycopgError):
        return False
    if error.sqlstate is None:
        return isinstance(error, DATABASE_AWAY)
    return error.sqlstate.startswith(_AWAY)


def is_database_busy(error: BaseException) -> bool:
    """Whether a transaction lost against others or took too long: repeating it may succeed."""
    if not isinstance(error, PsycopgError) or error.sqlstate is None:
        return False
    return error.sqlstate.startswith(_BUSY)


class Sql:
    """A statement, or a part of one, with psycopg's placeholders. Only this module makes one."""

    __slots__ = ("_encoded", "_text")

    def __init__(self, text: str, built: object) -> None:
        if built is not _BUILT:
            raise TypeError("SQL comes from store.sql.sql or store.sql.statement")
        self._text = text
        self._encoded: bytes | None = None

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Sql({self._text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sql) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    @property
    def encoded(self) -> bytes:
        """The text as psycopg takes it, which takes texts of more than 4 KB apart at each call.

        So it has no indentation.
        """
        if self._encoded is None:
            self._encoded = _INDENTATION.sub("\n", self._text).encode()
        return self._encoded


def sql(text: LiteralString, /, **parts: Sql) -> Sql:
    """SQL from a literal; each `{name}` in it is replaced by the part of that name.

    Raises ValueError for a part that the text does not name. Other braces are left as they are.
    """
    if not parts:
        return Sql(text, _BUILT)
    pieces, places = _template(text)
    if unused := parts.keys() - places:
        raise ValueError(f"no place for {', '.join(sorted(unused))} in: {text}")
    filled = list(pieces)
    for number in range(1, len(pieces), 2):
        part = parts.get(pieces[number])
        filled[number] = f"{{{pieces[number]}}}" if part is None else part._text
    return Sql("".join(filled), _BUILT)


# Conditions are compiled for each decision: a literal is taken apart once.
@cache
def _template(text: LiteralString) -> tuple[list[str], frozenset[str]]:
    """The text around its places alternating with their names; and the names."""
    pieces = _PLACE.split(text)
    return pieces, frozenset(pieces[1::2])


def join(separator: LiteralString, parts: Iterable[Sql]) -> Sql:
    """The parts with the separator, a literal, between them."""
    return Sql(separator.join([part._text for part in parts]), _BUILT)


def name(text: str) -> Sql:
    """A name of a column, table, alias or parameter. Raises ValueError unless it is a-z 0-9 _."""
    if _NAME.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no name in SQL")
    return Sql(text, _BUILT)


def type_name(text: str) -> Sql:
    """The name of a type, `[]` behind it for arrays. Raises ValueError as `name` does."""
    element = name(text.removesuffix("[]"))
    return Sql(f"{element}[]" if text.endswith("[]") else str(element), _BUILT)


def parameter(text: str) -> Sql:
    """The placeholder of a parameter by name: `%(text)s`. Raises ValueError as `name` does."""
    return Sql(f"%({name(text)})s", _BUILT)


def with_values(query: Sql, /, **values: Sql) -> Sql:
    """The statement with an expression in the place of each parameter of these names."""
    text = query._text
    for parameter_name, value in values.items():
        text = text.replace(f"%({name(parameter_name)})s", value._text)
    return Sql(text, _BUILT)


def with_alias(query: Sql, alias: str, other: str) -> Sql:
    """The statement with the columns of another table or row in the place of those of an alias."""
    text = re.sub(rf"\b{name(alias)}\.", f"{name(other)}.", query._text)
    return Sql(text, _BUILT)


@dataclass(frozen=True, slots=True)
class NumberedQuery:
    """A statement whose parameters have numbers, as the server takes them.

    psycopg takes a text with named ones apart at each call, which costs more than running it where
    the text is long. This one goes to the server as it is, and is prepared there at once.
    """

    text: bytes
    constants: tuple[Any, ...]
    """The values of the parameters after those that each call gives."""

    @classmethod
    def of(cls, query: Sql, constants: Mapping[str, Any], given: Sequence[str]) -> NumberedQuery:
        """The statement with the parameters `given` first, and then the constants that it names."""
        named = {found[1] for found in _PARAMETER.finditer(query._text)}
        used = {each: value for each, value in constants.items() if each in named}
        numbers = {each: place + 1 for place, each in enumerate((*given, *used))}
        text = _PARAMETER.sub(
            lambda found: "%" if found[1] is None else f"${numbers[found[1]]}", query._text
        )
        return cls(_INDENTATION.sub("\n", text).encode(), tuple(used.values()))


def integer(value: int) -> Sql:
    """An integer as SQL writes it."""
    return Sql(str(int(value)), _BUILT)


def text_literal(value: str) -> Sql:
    """A text as SQL writes it, quoted. Only for constants of the code: input is a parameter."""
    if "\x00" in value or "\\" in value:
        raise ValueError(f"{value!r} is no text for SQL")
    quoted = value.replace("'", "''").replace("%", "%%")
    return Sql(f"'{quoted}'", _BUILT)


def text_list(values: Iterable[str]) -> Sql:
    """Texts as SQL writes them, with commas between, for `in (…)`."""
    return join(", ", [text_literal(value) for value in values])


class _Compiler(PGCompiler_psycopg):
    """Writes values as literals and leaves named parameters to psycopg.

    A literal lets PostgreSQL use a partial index (`where state = 'active'`) under a kept plan too.
    """

    def visit_bindparam(self, bindparam: Any, *args: Any, **kwargs: Any) -> Any:
        if not bindparam.required and bindparam.callable is None:
            kwargs["literal_binds"] = True
        return super().visit_bindparam(bindparam, *args, **kwargs)  # type: ignore[no-untyped-call]


class _Dialect(PGDialect_psycopg):
    statement_compiler = _Compiler


_DIALECT: Final = _Dialect()  # type: ignore[no-untyped-call]


def statement(core: Select[*tuple[Any, ...]] | Insert | Update | Delete) -> Sql:
    """A statement of SQLAlchemy Core, compiled; `bindparam("name")` is psycopg's `%(name)s`."""
    return Sql(str(core.compile(dialect=_DIALECT)), _BUILT)


def table_columns(table: type[SQLModel], row: type) -> list[Column[Any]]:
    """The columns of a table that have the names of a dataclass's fields, in their order.

    Raises KeyError for a field that is no column.
    """
    known = table.__table__.c  # type: ignore[attr-defined]
    return [known[field.name] for field in fields(row)]


def columns(row: type, *, of: str | None = None, without: Collection[str] = ()) -> Sql:
    """The names of a dataclass's fields as a list of columns, of the table or alias `of`.

    `without` are fields that the statement computes or takes from another table.
    """
    prefix = f"{name(of)}." if of is not None else ""
    listed = (field.name for field in fields(row) if field.name not in without)
    return Sql(", ".join(f"{prefix}{name(column)}" for column in listed), _BUILT)


def column_definitions(table: type[SQLModel], row: type) -> Sql:
    """`name type` of `table_columns`, as `json_to_recordset` takes them."""
    return Sql(
        ", ".join(
            f"{column.name} {column.type.compile(_DIALECT)}" for column in table_columns(table, row)
        ),
        _BUILT,
    )


async def execute(conn: Connection, query: Sql, parameters: Parameters | None = None) -> int:
    """Run a statement; the number of rows that it changed or returned."""
    cursor = await conn.execute(query.encoded, parameters)
    return cursor.rowcount


async def execute_many(conn: Connection, query: Sql, rows: Sequence[Parameters]) -> None:
    """Run a statement once for each of the rows of parameters."""
    async with conn.cursor() as cursor:
        await cursor.executemany(query.encoded, rows)


async def copy_rows(conn: Connection, query: Sql, rows: Iterable[Sequence[Any]]) -> None:
    """Run a `copy … from stdin` with these rows. JSON is given as text."""
    async with conn.cursor() as cursor, cursor.copy(query.encoded) as copy:
        write = copy.formatter.write_row
        for row in rows:
            # It gives bytes once they are enough for a message to the server.
            if data := write(row):
                await copy.write(data)


async def fetch_all(
    conn: Connection, query: Sql, parameters: Parameters | None = None
) -> list[tuple[Any, ...]]:
    """The rows of a statement as tuples."""
    cursor = await conn.execute(query.encoded, parameters)
    return await cursor.fetchall()


async def fetch_one(
    conn: Connection, query: Sql, parameters: Parameters | None = None
) -> tuple[Any, ...] | None:
    """The first row of a statement as a tuple; None if there is none."""
    cursor = await conn.execute(query.encoded, parameters)
    return await cursor.fetchone()


async def fetch_value(conn: Connection, query: Sql, parameters: Parameters | None = None) -> Any:
    """The first column of the first row; None if there is no row."""
    row = await fetch_one(conn, query, parameters)
    return None if row is None else row[0]


async def fetch_column(
    conn: Connection, query: Sql, parameters: Parameters | None = None
) -> list[Any]:
    """The first column of every row."""
    return [row[0] for row in await fetch_all(conn, query, parameters)]


async def stream_rows(
    conn: Connection, query: Sql, parameters: Parameters, *, page: int = 500
) -> AsyncIterator[tuple[Any, ...]]:
    """The rows of a statement, of which no more than a page is in memory.

    The caller is in a transaction, and takes the rows of one statement after those of another.
    """
    async with conn.cursor(name="parcours_stream") as cursor:
        cursor.itersize = page
        await cursor.execute(query.encoded, parameters)
        async for row in cursor:
            yield row


async def fetch_prepared(
    conn: Connection, query: NumberedQuery, given: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """The rows of a statement with numbered parameters as tuples; it is prepared once."""
    async with AsyncRawCursor(conn) as cursor:
        await cursor.execute(query.text, (*given, *query.constants), prepare=True)
        return await cursor.fetchall()


async def fetch_all_as(
    conn: Connection, kind: type[Row], query: Sql, parameters: Parameters | None = None
) -> list[Row]:
    """The rows of a statement as dataclasses, columns by the names of their fields."""
    async with conn.cursor(row_factory=class_row(kind)) as cursor:
        await cursor.execute(query.encoded, parameters)
        return await cursor.fetchall()


async def fetch_one_as(
    conn: Connection, kind: type[Row], query: Sql, parameters: Parameters | None = None
) -> Row | None:
    """The first row of a statement as a dataclass; None if there is none."""
    async with conn.cursor(row_factory=class_row(kind)) as cursor:
        await cursor.execute(query.encoded, parameters)
        return await cursor.fetchone()


async def fetch_dicts(
    conn: Connection, query: Sql, parameters: Parameters | None = None
) -> list[dict[str, Any]]:
    """The rows of a statement as dictionaries by column."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encoded, parameters)
        return await cursor.fetchall()
