"""Keys that were refused at the sign-in: how many one network address may try in a minute."""

from __future__ import annotations

import time
from typing import Final

from api.public.form_robots import network_of

MOST_REFUSED: Final = 10
"""Wrong keys in a minute from one network address; after them no key is looked at."""
_MOST_COUNTED: Final = 10_000


class SignInLimit:
    """The wrong keys of this minute by network address, in a bounded memory."""

    def __init__(self) -> None:
        self._minute = 0
        self._refused: dict[str, int] = {}

    def allows(self, address: str) -> bool:
        """Whether another key of this address is looked at."""
        self._begin_minute()
        return self._refused.get(network_of(address), 0) < MOST_REFUSED

    def note(self, address: str) -> None:
        """Count a wrong key."""
        self._begin_minute()
        network = network_of(address)
        self._refused[network] = self._refused.get(network, 0) + 1

    def _begin_minute(self) -> None:
        minute = int(time.monotonic() // 60)
        if minute != self._minute or len(self._refused) >= _MOST_COUNTED:
            self._minute = minute
            self._refused.clear()
