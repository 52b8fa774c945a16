"""Index of what uses what among documents, read again when a document has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from journeys.checks.uses import Use, UsedKind, uses_of
from journeys.model.documents import load
from store.definitions.used_documents import Edition, Identity, list_editions, read_contents
from store.segments.segment_conditions import read_revision
from store.sql import Connection

_AT_ONCE: Final = 20
"""Documents that are read, and taken apart in a thread, at once."""


@dataclass(frozen=True, slots=True)
class User:
    """A document that uses another thing, and where."""

    kind: UsedKind
    key: str
    by: Edition
    """The document. Of a journey the live version, if that is one of those that do."""
    steps: tuple[str, ...]
    """The steps that name it; none if it is named outside of steps alone."""
    km: tuple[float, ...]
    """Of places, the distances that are asked for."""

    @property
    def place(self) -> tuple[str, str, str]:
        """Its place among the users of a kind."""
        return self.key, self.by.kind, self.by.key


class UseIndex:
    """Who uses what, of all documents that count now and of the newest versions of journeys."""

    def __init__(self) -> None:
        self._revision = -1
        self._uses: dict[Identity, tuple[Use, ...]] = {}
        self._users: dict[UsedKind, list[User]] = {}
        self._reading = asyncio.Lock()

    async def users(
        self, conn: Connection, kind: UsedKind, key: str | None = None
    ) -> Sequence[User]:
        """The users of the things of a kind, or of one of them, in the order of their places."""
        async with self._reading:
            revision = await read_revision(conn)
            if revision != self._revision:
                await self._read(conn)
                self._revision = revision
        found = self._users.get(kind, [])
        return found if key is None else [each for each in found if each.key == key]

    async def _read(self, conn: Connection) -> None:
        editions = await list_editions(conn)
        missing = [each.identity for each in editions if each.identity not in self._uses]
        for begin in range(0, len(missing), _AT_ONCE):
            contents = await read_contents(conn, missing[begin : begin + _AT_ONCE])
            self._uses |= await asyncio.to_thread(_uses, contents)
        self._uses = {
            each.identity: self._uses[each.identity]
            for each in editions
            if each.identity in self._uses
        }
        self._users = _by_kind(editions, self._uses)


def _uses(contents: Mapping[Identity, dict[str, Any]]) -> dict[Identity, tuple[Use, ...]]:
    found = {}
    for identity, content in contents.items():
        try:
            found[identity] = tuple(uses_of(load(content)))
        except ValidationError:
            # One that no longer validates runs nothing: what it names is not known.
            found[identity] = ()
    return found


def _by_kind(
    editions: Sequence[Edition], uses: Mapping[Identity, Sequence[Use]]
) -> dict[UsedKind, list[User]]:
    found: dict[tuple[UsedKind, str, str, str], tuple[Edition, list[Use]]] = {}
    # The live version of a journey counts before the newest one.
    for edition in sorted(editions, key=lambda each: not each.live):
        for use in uses.get(edition.identity, ()):
            place = (use.kind, use.key, edition.kind, edition.key)
            by, named = found.setdefault(place, (edition, []))
            if by is edition:
                named.append(use)
    users: dict[UsedKind, list[User]] = {}
    for (kind, key, _, _), (edition, named) in found.items():
        steps = dict.fromkeys(each.step for each in named if each.step is not None)
        km = sorted({each.km for each in named if each.km is not None})
        users.setdefault(kind, []).append(User(kind, key, edition, tuple(steps), tuple(km)))
    return {kind: sorted(each, key=lambda user: user.place) for kind, each in users.items()}
