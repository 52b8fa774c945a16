"""Identifiers that sort by the time they were made."""

from __future__ import annotations

import os
import time
from typing import Final
from uuid import UUID

from store.sql import sql

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
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds & (2**48 - 1)) << 80 | int.from_bytes(os.urandom(10))
    number = number & ~(0xF << 76) | 0x7 << 76
    return UUID(int=number & ~(0x3 << 62) | 0x2 << 62)
