"""Holdouts that count now, and what they say of contacts that are about to enter a journey."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from journeys.model.holdouts import Holdout
from journeys.model.journey import Journey
from journeys.time.zones import zone_of
from store.conditions import Predicate, compile_condition
from store.segments.segment_conditions import Segments
from store.sql import Connection, fetch_all, fetch_column, sql, statement
from store.tables.definitions import DocumentRow

_READ = statement(
    select(col(DocumentRow.key), col(DocumentRow.document))
    .where(col(DocumentRow.kind) == "holdout")
    .order_by(col(DocumentRow.key))
)


@dataclass(frozen=True)
class LiveHoldout:
    """A holdout with its condition."""

    document: Holdout
    design: str
    condition: Predicate | None
    """For which contacts it counts; None: all."""

    @property
    def key(self) -> str:
        """The key of the document."""
        return self.document.key


@dataclass(frozen=True)
class Holdouts:
    """All holdouts at one revision of the catalog."""

    revision: int
    live: tuple[LiveHoldout, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    """The holdouts that no longer validate, and why. They keep no contact out."""

    def __bool__(self) -> bool:
        return bool(self.live)

    @property
    def any_stored(self) -> bool:
        """Whether there is any, so that there may be contacts that are compared."""
        return bool(self.live or self.broken)

    def covering(self, journey: Journey, at: datetime) -> list[LiveHoldout]:
        """Those that are about a journey at an instant."""
        zone = zone_of(None, journey.timezone)
        return [
            each
            for each in self.live
            if each.document.covers(journey.key) and each.document.is_in_force(at, zone)
        ]


NO_HOLDOUTS: Final = Holdouts(-1)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the holdouts say of a contact and a journey.

    A contact that one of them holds out is compared by that one alone, because for the others it
    is neither: their shares are drawn independently, so what is left of them stays comparable. One
    that several hold out is compared by none.
    """

    held: bool = False
    compared: tuple[LiveHoldout, ...] = ()
    """Those that compare it: as held out if it is, else as one that entered."""
    by: tuple[str, ...] = ()
    """The keys of those that hold it out."""


FREE: Final = Assignment()


StoredHoldouts = Sequence[tuple[str, dict[str, Any]]]
"""The documents by key."""


async def read_holdouts(conn: Connection) -> StoredHoldouts:
    """The documents of all holdouts."""
    return [(key, document) for key, document in await fetch_all(conn, _READ)]


def compile_holdouts(stored: StoredHoldouts, segments: Segments, revision: int) -> Holdouts:
    """Holdouts, no older than `revision`; their conditions with the segments as given."""
    live: list[LiveHoldout] = []
    broken: dict[str, str] = {}
    for key, document in stored:
        try:
            live.append(_compiled(Holdout.model_validate(document), segments))
        except ValueError as error:
            broken[key] = str(error)
    return Holdouts(revision, tuple(live), broken)


def _compiled(document: Holdout, segments: Segments) -> LiveHoldout:
    """A holdout with its condition. Raises ValueError if a segment that it names is broken."""
    condition = document.if_
    return LiveHoldout(
        document,
        document.design,
        None
        if condition is None
        else compile_condition(condition, prefix="h_", segments=segments.conditions, timed=False),
    )


async def assign(
    conn: Connection,
    holdouts: Holdouts,
    entries: Sequence[tuple[Journey, UUID]],
    at: datetime,
) -> list[Assignment]:
    """What the holdouts say of contacts that are about to enter journeys, in their order.

    Their conditions are judged now, each for all contacts at once.
    """
    covering = {journey.key: holdouts.covering(journey, at) for journey, _ in entries}
    concerned: dict[str, set[UUID]] = {}
    for each in {each.key: each for found in covering.values() for each in found}.values():
        among = {contact for journey, contact in entries if each in covering[journey.key]}
        if each.condition is not None:
            among = await _holding(conn, each.condition, among)
        concerned[each.key] = among
    return [
        _assignment(
            [each for each in covering[journey.key] if contact in concerned[each.key]], contact
        )
        for journey, contact in entries
    ]


async def _holding(conn: Connection, condition: Predicate, among: Iterable[UUID]) -> set[UUID]:
    query = sql(
        """
        select c.id from unnest(%(holdout_contacts)s::uuid[]) g(id)
        join contact c on c.id = g.id
        cross join lateral (
            select null::uuid as id, '{}'::jsonb as entry, c.last_event_id as entry_ref,
                   null::bigint as entry_event_id, 0 as visit
        ) r
        where {holds}
        """,
        holds=condition.sql,
    )
    params = {**condition.params, "holdout_contacts": list(among)}
    return set(await fetch_column(conn, query, params))


def _assignment(holdouts: Sequence[LiveHoldout], contact_id: UUID) -> Assignment:
    holding = tuple(each for each in holdouts if each.document.draws(contact_id))
    if not holding:
        return Assignment(compared=tuple(holdouts))
    return Assignment(
        held=True,
        compared=holding if len(holding) == 1 else (),
        by=tuple(each.key for each in holding),
    )
