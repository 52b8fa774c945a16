"""Tables that are filled without their indexes, which are made once the rows are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from psycopg import AsyncConnection

# Foreign keys to the tables go first, because they need the keys, and come last.
_REFERENCES: Final = """
select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
where contype = 'f' and confrelid = any(%(tables)s::regclass[]) and conparentid = 0
"""
_INDEXES: Final = """
select i.indrelid::regclass::text, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid),
       c.conname, pg_get_constraintdef(c.oid)
from pg_index i
left join pg_constraint c on c.conindid = i.indexrelid and c.contype in ('p', 'u')
where i.indrelid = any(%(tables)s::regclass[]) order by i.indrelid, i.indexrelid
"""


async def drop_indexes(conn: AsyncConnection[Any], tables: Sequence[str]) -> list[tuple[str, str]]:
    """Drop the indexes and keys of tables; the statements that make them again, in order.

    Each has its table before it.
    """
    wanted = {"tables": list(tables)}
    references = await (await conn.execute(_REFERENCES, wanted)).fetchall()
    indexes = await (await conn.execute(_INDEXES, wanted)).fetchall()
    for table, name, _ in references:
        await conn.execute(f"alter table {table} drop constraint {name}".encode())
    again = []
    for table, index, made, constraint, definition in indexes:
        if constraint is None:
            await conn.execute(f"drop index {index}".encode())
            again.append((table, made))
        else:
            await conn.execute(f"alter table {table} drop constraint {constraint}".encode())
            added = f"alter table {table} add constraint {constraint} {definition}"
            again.append((table, added))
    return again + [
        (table, f"alter table {table} add constraint {name} {definition}")
        for table, name, definition in references
    ]
