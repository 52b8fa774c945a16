"""The memory of this process, and the sizes of tables."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from psycopg import AsyncConnection

_STATUS: Final = Path("/proc/self/status")
_SIZES: Final = """
select relname, pg_total_relation_size(oid) from pg_class
where relkind = 'r' and relnamespace = current_schema()::regnamespace
  and pg_total_relation_size(oid) > 1000000
order by 2 desc
"""
_SCANS: Final = """
select relname, seq_scan from pg_stat_user_tables
where relname in ('contact', 'event', 'segment_member', 'segment_due', 'date_entry')
"""


class Memory:
    """The most memory that this process has had, by what it did; MB, where Linux says it."""

    def __init__(self) -> None:
        self.peaks: dict[str, float] = {}

    def begin(self) -> None:
        """Forget the peak until now."""
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")

    def end(self, what: str) -> None:
        """Note the peak since `begin`."""
        with suppress(OSError):
            for line in _STATUS.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.peaks[what] = round(int(line.split()[1]) / 1024, 1)


async def table_sizes(conn: AsyncConnection[Any]) -> dict[str, float]:
    """MB of each table of more than 1 MB with its indexes, the largest first."""
    cursor = await conn.execute(_SIZES)
    return {name: round(size / 1e6, 1) for name, size in await cursor.fetchall()}


async def sequential_scans(conn: AsyncConnection[Any]) -> dict[str, int]:
    """How often each of the large tables was read as a whole, by connections that were closed."""
    cursor = await conn.execute(_SCANS)
    return dict(await cursor.fetchall())
