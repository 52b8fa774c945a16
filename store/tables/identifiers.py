"""Identifiers that sort by the time they were made."""

from __future__ import annotations

import os
import time
from typing import Final
from uuid import UUID

from store.sql import sql

_AT_ONCE: Final = 16 * 1024
"""Random bytes that are asked for at once."""
NEW_ID: Final = sql("""
encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing substring(
    int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3
) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
""")
"""`new_id` as an expression of SQL: the random one is of version 4, and two more bits make it 7."""


def new_id() -> UUID:
    """An id for a run or a contact: a UUID of version 7 (RFC 9562, section 5.7).

    Its first 48 bits are milliseconds since 1970, so listings by id are listings by age, and an
    index of ids grows at its end.
    """
    return _id_of(os.urandom(10))


class RandomIds:
    """Ids in numbers: the randomness of many is asked of the system at once."""

    __slots__ = ("_at", "_bytes")

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0

    def id(self) -> UUID:
        """An id as `new_id` makes it."""
        return _id_of(self._take(10))

    def text(self) -> str:
        """An id of a message: 128 random bits."""
        return self._take(16).hex()

    def _take(self, size: int) -> bytes:
        if self._at + size > len(self._bytes):
            self._bytes, self._at = os.urandom(_AT_ONCE), 0
        self._at += size
        return self._bytes[self._at - size : self._at]


def _id_of(random: bytes) -> UUID:
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds & (2**48 - 1)) << 80 | int.from_bytes(random)
    number = number & ~(0xF << 76) | 0x7 << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)
