"""A simulation that a test steers: load a journey, let things happen, look at what came of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from api.http.times import parse_time
from journeys.time.durations import Duration
from simulation.document_set import DocumentSet, read_document_set, read_files
from simulation.driver import Simulation, simulating
from simulation.errors import SimulationRefused
from simulation.scenarios import now
from simulation.script import Scenario, read_person, read_script
from simulation.servers import skipping_temporal
from simulation.timeline import Line, Reached, coverage

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@dataclass(frozen=True)
class Message:
    """A message that went to its channel."""

    step: str
    channel: str
    """`email`, `sms` or `webhook`."""
    outcome: str
    at: datetime
    to: str | None
    subject: str | None
    text: str | None
    html: str | None
    facts: Mapping[str, Any]
    """All that is known of it: a webhook's `url`, `method`, `sent`, `status` and `body` too."""


class Trial:
    """One journey, one contact and a clock that stands still until it is told to move.

    What happens takes no time: each method returns once the engine has come to rest. All raise
    `simulation.errors.SimulationRefused` for what can't be, and `SimulationFailed` if the engine
    does not come to rest.
    """

    def __init__(self, database_url: str, run: Run) -> None:
        """`run`: runs a coroutine to its end on the loop that the simulation lives on."""
        self._database_url = database_url
        self._run = run
        self._stack = AsyncExitStack()
        self._book: DocumentSet | None = None
        self._simulation: Simulation | None = None
        self._start = now()

    # ------------------------------------------------------------------ before it begins

    def load(
        self,
        *files: str | Path,
        text: str | None = None,
        journey: str | None = None,
        start: str | datetime | None = None,
    ) -> None:
        """Take the journey `journey` (the only one, if it is not named) from files or a text.

        `start`: when the simulation begins, aware or RFC 3339; now if it is not said.
        """
        if self._book is not None:
            raise SimulationRefused("a journey is loaded already: a test has one")
        sources: list[tuple[str, str | bytes]] = [*read_files([Path(each) for each in files])]
        if text is not None:
            sources.append(("text", text))
        self._book = read_document_set(sources, journey)
        if start is not None:
            self._start = _instant(start)

    def contact(self, given: Mapping[str, Any]) -> None:
        """Make the contact known, and begin.

        `given` is the body of an identify call; beside it may stand `groups`, `topics`, and
        `events` of the past.
        """
        if self._book is None:
            raise SimulationRefused("load a journey first")
        if self._simulation is not None:
            raise SimulationRefused("there is a contact already: a test has one")
        self._simulation = self._run(self._begin(self._book, dict(given)))

    async def _begin(self, book: DocumentSet, given: dict[str, Any]) -> Simulation:
        person = read_person(given, book.journey, self._start)
        environment = await self._stack.enter_async_context(skipping_temporal())
        return await self._stack.enter_async_context(
            simulating(self._database_url, environment, book, [person], self._start)
        )

    # ------------------------------------------------------------------ what happens

    def track(self, event: str, properties: Mapping[str, Any] | None = None) -> None:
        """The contact does something, now."""
        self.happen({"event": event, "properties": dict(properties or {})})

    def identify(self, traits: Mapping[str, Any]) -> None:
        """The contact changes, now; None removes an attribute."""
        self.happen({"type": "identify", "traits": dict(traits)})

    def start(self, properties: Mapping[str, Any] | None = None) -> None:
        """Start a run by hand, now, as the API does."""
        self.happen({"start": dict(properties or {})})

    def message(self, step: str, fate: str) -> None:
        """A step's latest message is `opened`, `clicked`, `delivered`, `bounced` or `replied`;
        or its next send will be `failed` or `unknown`."""
        self.happen({"message": step, "is": fate})

    def answer(self, step: str, status: int = 200, body: Any = None) -> None:
        """What the next call of a webhook will be answered."""
        self.happen({"step": step, "answer": {"status": status, "body": body}})

    def happen(self, item: Mapping[str, Any]) -> None:
        """One item of a script: see `parcours simulate --events`. Its `at` is now."""
        simulation = self._at_work()
        [person] = simulation.people
        scenes = read_script([dict(item)], person, simulation.book.journey, simulation.clock.now)
        self._run(simulation.play(Scenario(person, tuple(scenes))))

    # ------------------------------------------------------------------ time

    @property
    def now(self) -> datetime:
        """The simulation's time, in UTC."""
        return self._at_work().clock.now if self._simulation else self._start

    def advance(self, duration: str) -> None:
        """Let time pass: `2h`, `3d` (days on the contact's clock), `1mo`."""
        simulation = self._at_work()
        [person] = simulation.people
        self.until(Duration.parse(duration).add_to(simulation.clock.now, person.zone))

    def until(self, when: str | datetime) -> None:
        """Let time pass until then; what is due then happens."""
        simulation = self._at_work()
        self._run(simulation.advance(_instant(when) - simulation.clock.now))

    def finish(self) -> None:
        """Let time pass until nothing is left to come."""
        self._run(self._at_work().finish())

    # ------------------------------------------------------------------ what came of it

    @property
    def lines(self) -> list[Line]:
        """The timeline so far."""
        return list(self._at_work().lines)

    @property
    def path(self) -> list[tuple[str, str]]:
        """Step and outcome of each visit that has ended, of all runs, in order."""
        return [
            (line.step, line.outcome)
            for line in self.lines
            if line.step is not None and line.outcome is not None
        ]

    @property
    def messages(self) -> list[Message]:
        """What went to a channel, in order."""
        return [
            Message(
                line.step or "",
                line.kind,
                line.outcome or "",
                line.at,
                line.facts.get("to"),
                line.facts.get("subject"),
                line.facts.get("text"),
                line.facts.get("html"),
                line.facts,
            )
            for line in self.lines
            if "to" in line.facts or "url" in line.facts
        ]

    def outcome(self) -> str | None:
        """How the latest run ended; None while one is active, or if there was none."""
        told = [line for line in self.lines if line.kind in ("entry", "end")]
        return told[-1].outcome if told and told[-1].kind == "end" else None

    @property
    def coverage(self) -> list[Reached]:
        """Which outcomes of which steps were reached."""
        return coverage(self._at_work().book.journey, self.lines)

    def close(self) -> None:
        """Stop what runs. May be called twice."""
        self._run(self._stack.aclose())

    def _at_work(self) -> Simulation:
        if self._simulation is None:
            raise SimulationRefused("load a journey and make a contact first")
        return self._simulation


def _instant(value: str | datetime) -> datetime:
    if isinstance(value, str):
        try:
            return parse_time(value)
        except ValueError as error:
            raise SimulationRefused(str(error)) from None
    if value.tzinfo is None:
        raise SimulationRefused(f"{value} has no offset: give it a time zone")
    return value
