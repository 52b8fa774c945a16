"""The garbage collector of a process that begins, and of one that stays for long."""

from __future__ import annotations

import gc
from typing import Final

_THRESHOLDS: Final = (5_000, 10, 4)
"""Python's own are (700, 10, 10). The oldest objects are still looked at often enough that the
module of each run, which is garbage once the run is over, does not stay for long."""
_BEGINNING: Final = (100_000, 10, 10)


def collect_rarely() -> None:
    """Make few collections while a process imports what it is made of.

    Hardly any of that is garbage. Looking for it took a fifth of the time of the imports.
    """
    gc.set_threshold(*_BEGINNING)


def spare_what_stays() -> None:
    """Leave out what is in memory now of all further collections, and make fewer.

    What a process has imported stays to its end. Looking through it again and again took a
    twentieth of a worker's processor time. It is not looked through even once before: that took a
    twelfth of the start, and hardly any of it is garbage.
    """
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
