"""The object behind the pytest fixture `parcours`: one journey that a test simulates."""

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
from simulation.script import Scenario, read_contact, read_script
from simulation.servers import time_skipping_temporal
from simulation.timeline import Line, StepCoverage, coverage

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@dataclass(frozen=True)
class Message:
    """A message that was handed to its channel."""

    step: str
    channel: str
    """The name of its channel, such as `email`."""
    outcome: str
    at: datetime
    to: str | None
    subject: str | None
    text: str | None
    html: str | None
    facts: Mapping[str, Any]
    """The facts of its visit; a webhook's include `url`, `method`, `sent`, `status` and `body`."""


class SimulatedJourney:
    """One journey, one contact and a clock that stands still until the test advances it.

    Each method returns once the engine is idle. Raises `simulation.errors.SimulationRefused` for
    wrong input, and `SimulationFailed` if the engine does not become idle.
    """

    def __init__(self, database_url: str, run: Run) -> None:
        """`run` runs a coroutine on the event loop of the simulation and returns its result."""
        self._database_url = database_url
        self._run = run
        self._stack = AsyncExitStack()
        self._documents: DocumentSet | None = None
        self._simulation: Simulation | None = None
        self._start = now()

    # ------------------------------------------------------------------ preparation

    def load(
        self,
        *files: str | Path,
        text: str | None = None,
        journey: str | None = None,
        start: str | datetime | None = None,
    ) -> None:
        """Load the journey `journey` (the only one, if it is not named) from files or a text.

        `start` is when the simulation begins: an aware time or RFC 3339, by default now.
        """
        if self._documents is not None:
            raise SimulationRefused("a journey is loaded already: a test has one")
        sources: list[tuple[str, str | bytes]] = [*read_files([Path(each) for each in files])]
        if text is not None:
            sources.append(("text", text))
        self._documents = read_document_set(sources, journey)
        if start is not None:
            self._start = _instant(start)

    def contact(self, document: Mapping[str, Any]) -> None:
        """Store the contact, and begin.

        `document` is the body of an identify call. It may also have `groups`, `topics`, `coupons`,
        and `events` of the past.
        """
        if self._documents is None:
            raise SimulationRefused("load a journey first")
        if self._simulation is not None:
            raise SimulationRefused("there is a contact already: a test has one")
        self._simulation = self._run(self._begin(self._documents, dict(document)))

    async def _begin(self, documents: DocumentSet, document: dict[str, Any]) -> Simulation:
        contact = read_contact(document, documents.journey, self._start)
        environment = await self._stack.enter_async_context(time_skipping_temporal())
        return await self._stack.enter_async_context(
            simulating(self._database_url, environment, documents, [contact], self._start)
        )

    # ------------------------------------------------------------------ events

    def track(self, event: str, properties: Mapping[str, Any] | None = None) -> None:
        """Track an event of the contact, now."""
        self.happen({"event": event, "properties": dict(properties or {})})

    def identify(self, traits: Mapping[str, Any]) -> None:
        """Change the contact, now; None removes an attribute."""
        self.happen({"type": "identify", "traits": dict(traits)})

    def start(self, properties: Mapping[str, Any] | None = None) -> None:
        """Start a run, now, as the API does."""
        self.happen({"start": dict(properties or {})})

    def message(self, step: str, status: str) -> None:
        """Report a status of the step's latest message, or script its next send.

        A status is `opened`, `clicked`, `delivered`, `bounced` or `replied`; the next send can be
        `failed` or `unknown`.
        """
        self.happen({"message": step, "is": status})

    def answer(self, step: str, status: int = 200, body: Any = None) -> None:
        """Script the answer to the next call of a webhook."""
        self.happen({"step": step, "answer": {"status": status, "body": body}})

    def happen(self, item: Mapping[str, Any]) -> None:
        """Play one item of a script, now: see `parcours simulate --events`."""
        simulation = self._running()
        [contact] = simulation.contacts
        moments = read_script(
            [dict(item)], contact, simulation.documents.journey, simulation.clock.now
        )
        self._run(simulation.play(Scenario(contact, tuple(moments))))

    # ------------------------------------------------------------------ time

    @property
    def now(self) -> datetime:
        """The simulation's time, in UTC."""
        return self._running().clock.now if self._simulation else self._start

    def advance(self, duration: str) -> None:
        """Advance the clock by a duration: `2h`, `3d` (days on the contact's clock), `1mo`."""
        simulation = self._running()
        [contact] = simulation.contacts
        self.until(Duration.parse(duration).add_to(simulation.clock.now, contact.zone))

    def until(self, when: str | datetime) -> None:
        """Advance the clock to a time; what is due at that time happens too."""
        simulation = self._running()
        self._run(simulation.advance(_instant(when) - simulation.clock.now))

    def finish(self) -> None:
        """Advance the clock until nothing is due any more."""
        self._run(self._running().finish())

    # ------------------------------------------------------------------ results

    @property
    def lines(self) -> list[Line]:
        """The timeline so far."""
        return list(self._running().lines)

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
        """The messages that were handed to their channel, in order."""
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
        lines = [line for line in self.lines if line.kind in ("entry", "end")]
        return lines[-1].outcome if lines and lines[-1].kind == "end" else None

    @property
    def coverage(self) -> list[StepCoverage]:
        """The outcomes that were reached, and those that were not, for each step."""
        return coverage(self._running().documents.journey, self.lines)

    def close(self) -> None:
        """Stop the simulation; a second call does nothing."""
        self._run(self._stack.aclose())

    def _running(self) -> Simulation:
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
