"""A contact erased as the API and its job do it, all at once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from store.contacts.erasure import begin_erasure
from store.contacts.erasure_pages import erase_page


async def erase(conn: AsyncConnection[Any], contact: UUID) -> UUID:
    """Erase a contact and every row that names it; the erasure."""
    begun = await begin_erasure(conn, contact)
    assert begun is not None
    while await erase_page(conn, begun.id):
        pass
    return begun.id
