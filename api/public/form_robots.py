"""Robots that fill in forms: by what they are known, and how many forms are taken in a minute."""

from __future__ import annotations

import time
from ipaddress import IPv6Address, ip_address
from typing import Final, Literal

from journeys.links.form_stamps import FormStamp, read_stamp
from journeys.links.tokens import LinkKeys
from store.metrics import counter

SUBMISSIONS: Final = counter("parcours_form_submissions")

SHORTEST: Final = 2
"""Seconds that a person takes at least to fill in a form."""
LONGEST: Final = 24 * 3600
"""Seconds after which a form that was shown is asked for again."""
NETWORK_LIMIT: Final = 20
"""The most forms that one network address may post in a minute."""
FORM_LIMIT: Final = 1_200
"""The most submissions of one form that one process takes in a minute."""
HIDDEN_FIELD: Final = "_website"
"""A field that people do not see. Robots fill it in."""

_MOST_COUNTED: Final = 50_000

Sign = Literal["hidden", "soon", "forged", "missing", "old"]
"""Why a form is asked for again: a robot's signs, or a form that was not shown here lately."""
ROBOTIC: Final[frozenset[Sign]] = frozenset({"hidden", "soon", "forged"})
"""Signs that are kept for operators. The others are no signs of a robot."""


class FormRates:
    """Forms posted in this minute, by network address and by form, in a bounded memory."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: dict[tuple[str, str], int] = {}

    def allow(self, form: str, address: str) -> bool:
        """Count a form that was posted; whether it is within both limits."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute or len(self._counts) >= _MOST_COUNTED:
            self._minute = minute
            self._counts.clear()
        within = self._count("network", network_of(address)) <= NETWORK_LIMIT
        # A network that sends too many does not use up what the form may take from others.
        return within and self._count("form", form) <= FORM_LIMIT

    def _count(self, kind: str, name: str) -> int:
        count = self._counts[kind, name] = self._counts.get((kind, name), 0) + 1
        return count


def network_of(address: str) -> str:
    """The network of an address: in IPv6 one client has 64 bits of addresses for itself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return parsed.packed[:8].hex()
    return str(parsed)


def judge_stamp(
    keys: LinkKeys, form: str, text: str, *, hidden: str, now: float
) -> tuple[FormStamp, Sign | None]:
    """The stamp of a form that was posted, or of the one to show next, and why it is asked again.

    `hidden` is what stands in the field that people do not see.
    """
    stamp = read_stamp(keys, form, text)
    if stamp is None:
        return FormStamp.new(now), "forged" if text else "missing"
    age = now - stamp.shown_at
    if age > LONGEST or age < -LONGEST:
        return FormStamp.new(now), "old"
    if hidden.strip():
        return stamp, "hidden"
    if age < SHORTEST:
        return stamp, "soon"
    return stamp, None
