"""The play: each contact acts by itself, when its time or its mail has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from demo.cast import CAST, Act, Contact
from demo.server import Row
from demo.shop import Shop
from demo.watch import Watch

Tell = Callable[[Contact, str], None]


async def play(shop: Shop, watch: Watch, tell: Tell) -> None:
    """Let the whole cast act; returns when nobody has anything left to do.

    Args:
        tell: called with a contact and what it does now, in words.
    """
    async with asyncio.TaskGroup() as cast:
        for contact in CAST:
            cast.create_task(_live(contact, shop, watch, tell))


async def _live(contact: Contact, shop: Shop, watch: Watch, tell: Tell) -> None:
    for act in contact.acts:
        await watch.until(partial(_has, contact, act.mails, watch))
        await asyncio.sleep(act.pause)
        tell(contact, act.says)
        _perform(contact, act, shop, watch)


def _perform(contact: Contact, act: Act, shop: Shop, watch: Watch) -> None:
    for deed in act.deeds:
        shop.post(contact, deed, _mails(contact, watch))


def _has(contact: Contact, mails: int, watch: Watch) -> bool:
    return len(_mails(contact, watch)) >= mails


def _mails(contact: Contact, watch: Watch) -> list[Row]:
    return watch.mails.get(contact.email, []) if contact.email else []
