"""Lists of versions: the parameters they share, and what each version changed, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Final

from fastapi import Path, Query

from api.definitions import saving
from api.http.problems import Problem
from api.http.strict_models import LARGEST_INTEGER
from api.services import Services

_COMPARED: Final = 50
"""Versions of a page that are compared with the ones before them, at most."""
_SENTENCES: Final = 20
"""Changes of a version that are listed, at most."""

VersionInPath = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
BeforeVersion = Annotated[int, Query(ge=1, le=LARGEST_INTEGER)]
WithChanges = Annotated[
    bool,
    Query(description=f"Also what each version changed, for a limit of {_COMPARED} at most."),
]


def check_limit(limit: int, changes: bool) -> None:
    """Raise Problem 422 if more versions are to be compared than one request may ask for."""
    if changes and limit > _COMPARED:
        raise Problem(
            422, "invalid_request", f"limit: with changes at most {_COMPARED}, not {limit}"
        )


async def changes_of(
    services: Services, contents: Mapping[int, Mapping[str, Any]]
) -> dict[int, list[str]]:
    """By version: what it changed, compared with the one before it among `contents`."""
    found: dict[int, list[str]] = {}
    versions = sorted(contents)
    for old, new in pairwise(versions):
        size = len(str(contents[new]))
        changes = await saving.compare(services, contents[old], contents[new], size)
        found[new] = _shown([each.sentence for each in changes])
    return found


def _shown(sentences: Sequence[str]) -> list[str]:
    more = len(sentences) - _SENTENCES
    return [*sentences[:_SENTENCES], f"and {more} more"] if more > 0 else list(sentences)
