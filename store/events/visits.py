"""Anonymous browsers that came by a link of a message: their events are the contact's, for a while.

No anonymous id is linked to the contact, and nothing of the contact changes: mails are forwarded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from store.contacts.rows import LockedContact
from store.events.items import Item, ItemWarning
from store.events.link_hits import UNTRACKED
from store.sql import Connection, fetch_all, sql

VISIT_REFUSED: Final = ItemWarning(
    "visit_refused",
    "context.visit: no token of ours, older than 30 days, or its message counts no more; this call"
    " counts for the anonymous browser itself",
)

_CONTACTS: Final = sql("""
select m.id, m.contact_id from message m join contact c on c.id = m.contact_id
where m.id = any(%(messages)s) and not c.restricted
    and c.attributes -> %(untracked)s is distinct from 'false'::jsonb
""")


async def read_visited(conn: Connection, messages: Collection[UUID]) -> dict[UUID, UUID]:
    """The contacts of messages; those of restricted and untracked contacts are left out."""
    parameters = {"messages": list(messages), "untracked": UNTRACKED}
    return dict(await fetch_all(conn, _CONTACTS, parameters))


def visited_contact(
    item: Item, visited: Mapping[UUID, LockedContact], owner: LockedContact | None
) -> LockedContact | None:
    """The contact that the message of an item's visit was for; None if the item does not count.

    `owner` is the contact of the item's anonymous id. If the visitor has said who that is, this
    counts, and no link.
    """
    if item.visit is None or (owner is not None and _is_known(owner)):
        return None
    return visited.get(item.visit)


def _is_known(contact: LockedContact) -> bool:
    return contact.external_id is not None or any(contact.addresses.values())
