"""Files of suppressions: CSV with the columns `channel`, `address` or `address_hash`, `reason`."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from api.http.problems import Problem
from journeys.model.addresses import check_email, normalise_phone
from journeys.protocol.channels import CHANNELS, MESSAGE_KINDS
from store.messages.suppression_list import Suppressing

FILE_LIMIT: Final = 2 * 1024 * 1024
"""Bytes of a file."""
MOST_ROWS: Final = 10_000
REASON: Final = r"^[a-z0-9_-]{1,64}$"
HASH: Final = r"^[0-9a-f]{64}$"
IMPORTED: Final = "import"
"""The reason of rows that say none."""
_COLUMNS: Final = frozenset({"channel", "address", "address_hash", "reason"})


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not be read. The others count all the same."""

    line: int
    message: str


def check_address(channel: str, address: str) -> str:
    """The address as it is stored. Raises ValueError that says what is wrong."""
    if CHANNELS[_channel(channel)].address_field == "email":
        return check_email(address)
    return normalise_phone(address)


def _channel(text: str) -> Any:
    if text not in MESSAGE_KINDS:
        raise ValueError(f"channel: {text[:40]!r} is not {' or '.join(sorted(MESSAGE_KINDS))}")
    return text


def read_suppressions(text: str) -> tuple[list[Suppressing], list[RejectedRow]]:
    """The rows of a file. Raises Problem 422 if it has no usable first line, or too many rows.

    Without a column `channel`, an address with an @ is one of e-mail, and another one a number.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    good: list[Suppressing] = []
    bad: list[RejectedRow] = []
    columns: list[str] | None = None
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if columns is None:
                columns = _header(row)
                continue
            if len(good) + len(bad) >= MOST_ROWS:
                raise _refuse(f"more than {MOST_ROWS:,} rows: send the file in parts")
            values = dict(zip(columns, (cell.strip() for cell in row), strict=False))
            try:
                good.append(_row(values))
            except ValueError as error:
                bad.append(RejectedRow(reader.line_num, str(error)[:300]))
    except csv.Error as error:
        raise _refuse(f"line {reader.line_num}: {error}") from None
    if columns is None:
        raise _refuse("the file is empty; its first line names the columns, `address` among them")
    return good, bad


def _header(row: list[str]) -> list[str]:
    names = [name.strip().lower() for name in row]
    if not {"address", "address_hash"} & {*names}:
        shown = ", ".join(names[:5])[:200]
        raise _refuse(f"no column is called `address` or `address_hash`, of: {shown}")
    for name in _COLUMNS:
        if names.count(name) > 1:
            raise _refuse(f"two columns are called `{name}`")
    return names


def _row(values: dict[str, str]) -> Suppressing:
    address, address_hash = values.get("address", ""), values.get("address_hash", "")
    reason = values.get("reason") or IMPORTED
    if re.fullmatch(REASON, reason) is None:
        raise ValueError(f"reason: {reason[:40]!r} is not made of a-z, 0-9, - and _")
    channel = values.get("channel") or ("email" if "@" in address else "sms")
    if address:
        return Suppressing(_channel(channel), reason, address=check_address(channel, address))
    if re.fullmatch(HASH, address_hash) is None:
        raise ValueError("address: missing, and address_hash is no hash of an export")
    if not values.get("channel"):
        raise ValueError("channel: missing; a hash does not say of which channel it is")
    return Suppressing(_channel(channel), reason, address_hash=address_hash)


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Rows as lines of CSV."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        writer.writerow(row)
    yield out.getvalue()


def _refuse(message: str) -> Problem:
    return Problem(422, "invalid_suppressions", message)
