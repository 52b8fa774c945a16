"""The turn of a message at a provider whose rate is set.

A message waits for a turn that comes soon, within its attempt. Otherwise it is released and comes
back. What is marketing takes only the turns that come at once, so that an urgent message finds at
most two before it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from activities.context import Context
from activities.sending.claim import Claimed
from channels.errors import Code, NotTaken
from store.messages.provider_turns import take_turn
from store.sql import DATABASE_AWAY

_PATIENCE: Final = 1.0
"""Seconds: an attempt lasts 30, of which the call and its record may take 28."""
_PATIENCE_OF_MARKETING: Final = 0.5


async def wait_for_turn(claimed: Claimed, context: Context) -> None:
    """Wait until the provider may be called. Raises NotTaken if that is not soon."""
    rate = context.provider_rates.get(claimed.provider)
    if rate is None:
        return
    urgent = claimed.settings.transactional
    patience = _PATIENCE if urgent else min(1 / rate, _PATIENCE_OF_MARKETING)
    try:
        async with context.pool.connection(timeout=2) as conn:
            turn = await take_turn(conn, claimed.provider, rate, patience)
    except DATABASE_AWAY:
        raise NotTaken(Code.UNAVAILABLE, "the turns of the provider could not be read") from None
    if not turn.granted:
        words = f"{claimed.provider} is called {rate:g} times a second at most"
        raise NotTaken(Code.BUSY, words, retry_after=turn.seconds)
    await asyncio.sleep(turn.seconds)
