"""A process's cache of the segments whose members are kept, as of a revision of the catalog."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from time import monotonic
from typing import Any, Final, Protocol

from pydantic import TypeAdapter

from journeys.model.conditions import Condition
from journeys.model.segment_dependencies import Dependencies, conditions_in, dependencies_of
from store.segments.judging_statement import JudgingStatement
from store.sql import Connection, fetch_all, sql

_READ = sql("""
select c.revision, g.segment, g.generation, g.condition, g.since, s.generation = g.generation,
       s.state = 'filling'
from catalog c
left join (
    segment s join segment_generation g
        on g.segment = s.key and g.generation >= s.generation - 1 and g.generation <= s.generation
) on true
order by g.segment, g.generation
""")
_CONDITION: Final[TypeAdapter[Condition]] = TypeAdapter(Condition)
_STATEMENTS: Final = 500
_FAILURES: Final = 3
"""Contacts in a row that a segment cannot judge before it is at fault itself."""
_SET_ASIDE: Final = 60.0
"""Seconds until it is tried again."""
SLOW: Final = 0.1
"""Seconds for one contact and instant from which on a segment is slow."""
_TIMES: Final = 3
"""Statements in a row that say so: the first on a connection is also planned."""
_NOTED: Final = 10.0
"""Seconds between two notes that a segment is slow still."""


@dataclass(frozen=True, eq=False)
class Generation:
    """The condition of a segment from an instant on."""

    segment: str
    number: int
    since: datetime
    condition: Condition
    dependencies: Dependencies

    @cached_property
    def size(self) -> int:
        """How many conditions it consists of."""
        return conditions_in(self.condition)


@dataclass(frozen=True)
class KeptSegment:
    """A segment: its generation now, and the one before it, which judges what came before."""

    key: str
    now: Generation
    before: Generation | None
    filling: bool

    def at(self, instant: datetime) -> Generation | None:
        """The generation in force at an instant; None before the first."""
        return self.now if instant >= self.now.since else self.before


@dataclass(frozen=True)
class KeptSegments:
    """All segments whose members are kept, at one revision of the catalog."""

    revision: int
    by_key: Mapping[str, KeptSegment] = field(default_factory=dict)
    by_event: Mapping[str, Sequence[KeptSegment]] = field(default_factory=dict)
    """By the events that may change them."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Those whose stored condition can't be read, and why."""

    def touched_by(self, event: str, properties: Mapping[str, Any]) -> list[KeptSegment]:
        """The segments whose members an event may change."""
        return [
            segment
            for segment in self.by_event.get(event, ())
            if segment.now.dependencies.touched_by(event, properties)
            or (
                segment.filling
                and segment.before is not None
                and segment.before.dependencies.touched_by(event, properties)
            )
        ]


@dataclass(slots=True)
class _Times:
    """How long judging a contact by a generation took."""

    last: deque[float] = field(default_factory=lambda: deque(maxlen=_TIMES))
    slow_until: float = 0.0
    """By the clock of the process: then it is tried as the others are."""
    noted_until: float = 0.0


@dataclass(frozen=True, slots=True)
class SlowSegment:
    """A segment that takes long."""

    key: str
    seconds: float
    """For one contact and instant."""
    is_new: bool
    """Whether it was not slow before."""


class HasLiveSegments(Protocol):
    """What judges contacts: the catalog of the process."""

    @property
    def live_segments(self) -> LiveSegments:
        """The cache."""
        ...


class LiveSegments:
    """The cache. What was compiled stays until it was long unused."""

    def __init__(self) -> None:
        self._kept = KeptSegments(-1)
        self._generations: dict[tuple[str, int], Generation] = {}
        self._statements: OrderedDict[tuple[Generation, ...], JudgingStatement] = OrderedDict()
        self._failures: dict[Generation, int] = {}
        self._aside: dict[Generation, tuple[float, Exception]] = {}
        self._times: dict[Generation, _Times] = {}
        self._slow: dict[str, SlowSegment] = {}

    async def read(self, conn: Connection, revision: int) -> KeptSegments:
        """The segments, no older than `revision` of the catalog."""
        if self._kept.revision < revision:
            rows = await fetch_all(conn, _READ)
            # Large conditions take a while to compile, and others have their turn meanwhile.
            compiled = await asyncio.to_thread(_compiled, rows, frozenset(self._generations))
            if self._kept.revision < rows[0][0]:
                self._kept = self._of(rows, compiled)
        return self._kept

    def note(self, generation: Generation, error: Exception | None) -> None:
        """Remember whether a contact could be judged alone by a generation.

        One that fails for several in a row is set aside for a while, so that not each contact has
        to find out.
        """
        if error is None:
            self._failures.pop(generation, None)
            return
        failures = self._failures[generation] = self._failures.get(generation, 0) + 1
        if failures >= _FAILURES:
            self._aside[generation] = (monotonic() + _SET_ASIDE, error)

    def error_of(self, generation: Generation) -> Exception | None:
        """Why a generation is set aside; None if it is not."""
        until, error = self._aside.get(generation, (0.0, None))
        return error if monotonic() < until else None

    def note_time(self, generation: Generation, seconds: float) -> None:
        """Remember how long judging one contact by a generation as of one instant took."""
        times = self._times.setdefault(generation, _Times())
        times.last.append(seconds)
        if len(times.last) < _TIMES:
            return
        now = monotonic()
        if max(times.last) < SLOW / 2:
            times.slow_until = times.noted_until = 0.0
        elif min(times.last) >= SLOW:
            is_new = times.slow_until <= now
            times.slow_until = now + _SET_ASIDE
            if times.noted_until <= now:
                times.noted_until = now + _NOTED
                self._slow[generation.segment] = SlowSegment(
                    generation.segment, min(times.last), is_new
                )

    def is_slow(self, generation: Generation) -> bool:
        """Whether judging by a generation takes so long that it is done apart."""
        times = self._times.get(generation)
        return times is not None and monotonic() < times.slow_until

    def take_slow(self) -> list[SlowSegment]:
        """The segments that were found to be slow since this was asked last."""
        found, self._slow = list(self._slow.values()), {}
        return found

    def statement(self, generations: Sequence[Generation]) -> JudgingStatement:
        """The statement that judges contacts by these conditions."""
        key = tuple(generations)
        known = self._statements.get(key)
        if known is None:
            known = JudgingStatement.of([each.condition for each in generations])
            self._keep(key, known)
        self._statements.move_to_end(key)
        return known

    def _keep(self, generations: tuple[Generation, ...], statement: JudgingStatement) -> None:
        self._statements[generations] = statement
        while len(self._statements) > _STATEMENTS:
            self._statements.popitem(last=False)

    def _of(
        self, rows: Iterable[tuple[Any, ...]], compiled: Mapping[tuple[str, int], _Compiled]
    ) -> KeptSegments:
        revision = -1
        found: dict[str, dict[str, Any]] = {}
        broken: dict[str, str] = {}
        generations: dict[tuple[str, int], Generation] = {}
        for row in rows:
            revision, key, number, *_, newest, filling = row
            if key is None:
                continue
            generation = self._generations.get((key, number))
            if generation is None:
                # Another reading may have forgotten it meanwhile.
                new = compiled.get((key, number)) or _compiled([row], ())[(key, number)]
                if isinstance(new, str):
                    if newest:
                        broken[key] = new
                    continue
                generation, statement = new
                self._keep((generation,), statement)
            generations[(key, number)] = generation
            place = found.setdefault(key, {"before": None})
            place["now" if newest else "before"] = generation
            place["filling"] = filling
        self._generations = generations
        current = set(generations.values())
        self._aside = {each: why for each, why in self._aside.items() if each in current}
        self._failures = {each: count for each, count in self._failures.items() if each in current}
        self._times = {each: times for each, times in self._times.items() if each in current}
        by_key = {
            key: KeptSegment(key, each["now"], each["before"], each["filling"])
            for key, each in found.items()
            if "now" in each
        }
        by_event: dict[str, list[KeptSegment]] = {}
        for segment in by_key.values():
            names = set(segment.now.dependencies.event_names())
            if segment.filling and segment.before is not None:
                names |= segment.before.dependencies.event_names()
            for name in names:
                by_event.setdefault(name, []).append(segment)
        return KeptSegments(revision, by_key, by_event, broken)


_Compiled = tuple[Generation, JudgingStatement] | str
"""A generation with its statement, or why its condition can't be read."""


def _compiled(
    rows: Iterable[tuple[Any, ...]], known: Collection[tuple[str, int]]
) -> dict[tuple[str, int], _Compiled]:
    """The generations that are not known yet. It may run in a thread."""
    found: dict[tuple[str, int], _Compiled] = {}
    for _, key, number, condition, since, _, _ in rows:
        if key is None or (key, number) in known:
            continue
        try:
            parsed = _CONDITION.validate_python(condition)
            generation = Generation(key, number, since, parsed, dependencies_of(parsed))
            found[(key, number)] = generation, JudgingStatement.of([parsed])
        except ValueError as error:
            found[(key, number)] = str(error)
    return found
