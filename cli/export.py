"""`parcours export`: the rows of an installation as Parquet files, by month."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.client import DATA_DIR, AsJson, DataDir, Server, find_server
from cli.errors import ExitCode, refuse

if TYPE_CHECKING:
    import pyarrow

_PAGE: Final = 5_000
_HELD: Final = 50_000
"""Rows in memory, at most: then they are written, as a part of each of their months."""
_TIMES: Final = {
    "runs": "started_at",
    "visits": "started_at",
    "messages": "first_attempt_at",
    "events": "stamped_at",
}
"""By which time the rows of each kind are placed in a month, in UTC."""
_NUMBERS: Final = {"version", "entry_version", "visit", "attempts"}
_LARGE_NUMBERS: Final = {"entry_event_id"}
_OBJECTS: Final = {"facts", "properties"}


def run(
    to: Annotated[Path, typer.Option("--to", help="The directory: new, or empty.")],
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Write all runs, visits, messages and events as Parquet. It needs a key of scope admin.

    Files are TO/KIND/month=2026-11/part-0000.parquet. Install `parcours[export]` for it.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        refuse("this needs pyarrow: pip install 'parcours[export]'", ExitCode.USAGE)
    try:
        to.mkdir(parents=True, exist_ok=True)
        if any(to.iterdir()):
            refuse(f"{to} is not empty: name a new directory", ExitCode.USAGE)
    except OSError as error:
        refuse(f"{to} cannot be written: {error.strerror or error}")
    server = find_server(data_dir, scope="admin")
    written = {kind: _export(server, kind, to) for kind in _TIMES}
    if as_json:
        typer.echo(json.dumps(written))
        return
    for kind, rows in written.items():
        typer.echo(f"{to / kind}: {rows:,} rows")


def _export(server: Server, kind: str, to: Path) -> int:
    """Write the rows of a kind; how many there were."""
    held: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    parts: defaultdict[str, int] = defaultdict(int)
    rows = waiting = 0
    cursor: str | None = None
    while True:
        page = server.get(f"/v1/export/{kind}", limit=_PAGE, cursor=cursor).json()
        for row in page["items"]:
            held[row[_TIMES[kind]][:7]].append(row)
        rows += len(page["items"])
        waiting += len(page["items"])
        cursor = page["next"]
        if waiting >= _HELD or cursor is None:
            for month, found in held.items():
                _write(to / kind / f"month={month}" / f"part-{parts[month]:04}.parquet", found)
                parts[month] += 1
            held.clear()
            waiting = 0
        if cursor is None:
            return rows


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([(name, _type(name)) for name in rows[0]])
    columns = [
        pyarrow.array([_value(name, row[name]) for row in rows], schema.field(name).type)
        for name in rows[0]
    ]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(
            pyarrow.Table.from_arrays(columns, schema=schema), file, compression="zstd"
        )
    except OSError as error:
        refuse(f"{file} cannot be written: {error.strerror or error}")


def _type(name: str) -> pyarrow.DataType:
    import pyarrow

    if name.endswith("_at"):
        return pyarrow.timestamp("us", tz="UTC")
    if name in _NUMBERS:
        return pyarrow.int32()
    return pyarrow.int64() if name in _LARGE_NUMBERS else pyarrow.string()


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name.endswith("_at"):
        return datetime.fromisoformat(value)
    if name in _OBJECTS:
        return json.dumps(value, ensure_ascii=False)
    return value if name in _NUMBERS or name in _LARGE_NUMBERS else str(value)
