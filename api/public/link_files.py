"""The files of the settings by which clicks are recorded: the spool, and the list of scanners.

`parcours api` tries them before it imports the rest of the API, which takes seconds.
"""

from __future__ import annotations

from pathlib import Path

from api.public.spool import Spool
from journeys.links.networks import Networks


class LinkFileRefused(Exception):
    """A file of the settings cannot be used; the message names the setting and says why."""


def read_scanners(file: Path) -> Networks:
    """The networks of scanners. Raises LinkFileRefused."""
    try:
        return Networks.read(file)
    except OSError as error:
        raise LinkFileRefused(f"PARCOURS_SCANNERS: cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise LinkFileRefused(f"PARCOURS_SCANNERS: {error}") from None


def open_spool(folder: Path, most: int) -> Spool:
    """The spool of a folder, for at most so many bytes. Raises LinkFileRefused."""
    try:
        return Spool(folder, most)
    except OSError as error:
        raise LinkFileRefused(
            f"PARCOURS_SPOOL: cannot write to {folder}: {error.strerror}"
        ) from None
