"""Addresses that an identify call may not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from journeys.model.addresses import is_same_address
from store.contacts.rows import LockedContact
from store.events.items import Item, ItemWarning


def permitted_traits(
    item: Item, contact: LockedContact
) -> tuple[Mapping[str, Any], tuple[ItemWarning, ...]]:
    """The traits that an item may set, and a warning for each address that stays as it is."""
    if item.may_change_addresses:
        return item.traits, ()
    protected = [
        field
        for field, address in contact.addresses.items()
        if address is not None
        and field in item.traits
        and not is_same_address(address, item.traits[field])
    ]
    if not protected:
        return item.traits, ()
    permitted = {name: value for name, value in item.traits.items() if name not in protected}
    return permitted, tuple(
        ItemWarning(
            "address_protected",
            f"the contact has another {field}; this key may change it only with a userHash",
            field,
        )
        for field in protected
    )
