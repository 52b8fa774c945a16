"""What messages said: packed when they are sent, and read until it is removed.

The record of an attempt stores it in its own statement: see `store.messages.claims`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import bindparam, select
from sqlmodel import col

from store.sql import Connection, fetch_value, statement
from store.tables.messages import KeptContent

_LEVEL: Final = 1
"""Of the compression. Higher levels save a tenth, and take three times as long."""
_MOST: Final = 16_000_000
"""Octets of a content that is unpacked."""

_READ = statement(
    select(col(KeptContent.content))
    .where(col(KeptContent.message_id) == bindparam("message"))
    .order_by(col(KeptContent.kept_at).desc())
    .limit(1)
)


def pack_content(content: Mapping[str, Any]) -> bytes:
    """A content as it is stored. Raises TypeError if it is no JSON."""
    return zlib.compress(orjson.dumps(content), _LEVEL)


def unpack_content(packed: bytes) -> dict[str, Any]:
    """The content that was packed. Raises ValueError if it is too large."""
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(packed, _MOST)
    if unpacking.unconsumed_tail:
        raise ValueError("the kept content is too large")
    content: dict[str, Any] = orjson.loads(text)
    return content


async def read_kept_content(conn: Connection, message_id: UUID) -> dict[str, Any] | None:
    """What the last attempt at a message said; None if it is not kept."""
    packed = await fetch_value(conn, _READ, {"message": message_id})
    return None if packed is None else unpack_content(bytes(packed))
