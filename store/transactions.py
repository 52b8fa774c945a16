"""Transactions of the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection


@asynccontextmanager
async def transaction(conn: AsyncConnection[Any]) -> AsyncIterator[None]:
    """A transaction whose statements travel together until a result is read.

    BEGIN goes with the first statement, and COMMIT with the last. An error of a statement whose
    result nobody reads is raised by the next one that is read, or at the end.
    """
    async with conn.pipeline(), conn.transaction():
        yield
