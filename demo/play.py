"""The contacts of the demo act: each one after its pauses, and once its mails have arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from demo.api_client import Row
from demo.cast import CAST, Act, Contact
from demo.shop import Shop
from demo.watch import Watch

Report = Callable[[Contact, str], None]


async def play(shop: Shop, watch: Watch, report: Report) -> None:
    """Let every contact do all its acts.

    Args:
        report: called with a contact and what it does now, in words.
    """
    async with asyncio.TaskGroup() as cast:
        for contact in CAST:
            cast.create_task(_act_all(contact, shop, watch, report))


async def _act_all(contact: Contact, shop: Shop, watch: Watch, report: Report) -> None:
    for act in contact.acts:
        await watch.until(partial(_has, contact, act.mails, watch))
        await asyncio.sleep(act.pause)
        report(contact, act.says)
        _perform(contact, act, shop, watch)


def _perform(contact: Contact, act: Act, shop: Shop, watch: Watch) -> None:
    for deed in act.deeds:
        shop.post(contact, deed, _mails(contact, watch))


def _has(contact: Contact, mails: int, watch: Watch) -> bool:
    return len(_mails(contact, watch)) >= mails


def _mails(contact: Contact, watch: Watch) -> list[Row]:
    return watch.mails.get(contact.email, []) if contact.email else []
