"""The documents of a simulation: the simulated journey and what it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from psycopg import AsyncConnection

from api.definitions.saving import save
from journeys.checks.content_lint import ADVICE
from journeys.checks.partial_documents import check_readable
from journeys.checks.references import KnownKeys
from journeys.checks.template_set import TemplateSet
from journeys.model.journey import Journey
from journeys.model.problems import Problem
from journeys.model.steps import CouponStep, EnterStep
from journeys.model.triggers import ApiEntry, SegmentEntry
from journeys.source.parsing import Parsed, parse_documents
from simulation.errors import SimulationRefused
from store.definitions.documents import lock_catalog
from store.definitions.journeys import activate
from store.entries.backfills import begin_backfills
from store.segments.generations import begin_generations

_SUFFIXES = {".yaml", ".yml", ".json"}
_SECRET = re.compile(rb"\bsecret\.(\w+)")


@dataclass(frozen=True)
class DocumentSet:
    """Valid documents, one of them the journey to simulate."""

    journey: Journey
    parsed: tuple[Parsed, ...]
    warnings: tuple[Problem, ...] = ()
    entered: tuple[Journey, ...] = ()
    """Journeys that the simulated one enters, directly or through others; they are active too."""

    @property
    def journeys(self) -> tuple[Journey, ...]:
        """The active journeys, the simulated one first."""
        return (self.journey, *self.entered)

    @property
    def begins_by_itself(self) -> bool:
        """Whether what happens begins runs; otherwise a run begins at the start."""
        return any(not isinstance(entry, ApiEntry) for entry in self.journey.entry)

    @property
    def begins_by_segment(self) -> bool:
        """Whether entering or leaving a segment begins runs."""
        entries = [entry for journey in self.journeys for entry in journey.entry]
        return any(isinstance(entry, SegmentEntry) for entry in entries)

    @property
    def pools(self) -> frozenset[str]:
        """The pools from which the journeys draw coupons."""
        steps = [step for journey in self.journeys for step in journey.all_steps()]
        return frozenset(step.coupon.pool for step in steps if isinstance(step, CouponStep))

    @property
    def topics(self) -> frozenset[str]:
        """The topics of the files."""
        return frozenset(each.document.key for each in self.parsed if each.document.kind == "topic")

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets that the webhooks use."""
        found = _SECRET.findall(orjson.dumps([each.as_document() for each in self.journeys]))
        return frozenset(name.decode() for name in found)

    async def save(self, conn: AsyncConnection[Any]) -> dict[str, int]:
        """Store the documents as drafts, and return the versions of the journeys."""
        versions: dict[str, int] = {}
        active = {journey.key for journey in self.journeys}
        documents = [each.document for each in self.parsed]
        templates = TemplateSet(KnownKeys.of(documents).template_documents)
        async with conn.transaction():
            await lock_catalog(conn)
            for each in self.parsed:
                document = each.document
                if document.kind == "holdout":
                    # Whether a contact is held out depends on its id, which is another each time.
                    continue
                if not isinstance(document, Journey):
                    await save(conn, each, templates)
                elif document.key in active:
                    versions[document.key] = (await save(conn, each, templates)).version
            if any(each.document.kind == "segment" for each in self.parsed):
                # There is no contact yet: none is to be filled in.
                await begin_generations(conn)
        return versions

    async def activate(self, conn: AsyncConnection[Any], versions: Mapping[str, int]) -> None:
        """Activate the journeys, with the jobs that backfill them."""
        async with conn.transaction():
            await lock_catalog(conn)
            for key, version in versions.items():
                await activate(conn, key, version)
            for journey in self.journeys:
                await begin_backfills(conn, journey.key, journey, None)


def read_document_set(sources: Iterable[tuple[str, str | bytes]], key: str | None) -> DocumentSet:
    """The documents of (file name, text) pairs, of which `key` is the journey to simulate.

    Without a key the only journey is simulated. Raises SimulationRefused with all errors, or with
    the constructs of the journey that do not work yet.
    """
    texts = [parse_documents(text, name) for name, text in sources]
    parsed = [each for text in texts for each in text.parsed]
    found = check_readable(texts)
    errors = [problem for text in texts for problem in text.problems]
    errors += [problem for problem in found if problem.severity == "error"]
    if errors:
        raise SimulationRefused("\n".join(map(str, errors)))
    chosen = _choose(parsed, key)
    journey = chosen.document
    assert isinstance(journey, Journey)
    entered = _entered(chosen, parsed)
    warnings = tuple(
        problem
        for problem in found
        # A simulation provides every pool.
        if problem.file == chosen.file and problem.code not in {"unknown_pool", *ADVICE}
    )
    others = [each.document for each in entered if isinstance(each.document, Journey)]
    return DocumentSet(journey, tuple(parsed), warnings, tuple(others))


def read_files(paths: Sequence[Path]) -> list[tuple[str, bytes]]:
    """The names and texts of files, and of folders' `*.yaml *.yml *.json`.

    Raises SimulationRefused if a file can't be read, or a folder has none of these.
    """
    sources: list[tuple[str, bytes]] = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES)
            if not inside:
                raise SimulationRefused(f"{path}: the folder holds no *.yaml, *.yml or *.json")
        for file in inside:
            try:
                sources.append((str(file), file.read_bytes()))
            except OSError as error:
                raise SimulationRefused(f"{file}: {error.strerror or error}") from None
    return sources


def _choose(parsed: Sequence[Parsed], key: str | None) -> Parsed:
    journeys = [each for each in parsed if isinstance(each.document, Journey)]
    names = ", ".join(each.document.key for each in journeys) or "none"
    if key is None:
        if len(journeys) != 1:
            raise SimulationRefused(f"which journey? name one of: {names}")
        return journeys[0]
    for each in journeys:
        if each.document.key == key:
            return each
    raise SimulationRefused(f"there is no journey `{key}` in the files; there are: {names}")


def _entered(chosen: Parsed, parsed: Sequence[Parsed]) -> list[Parsed]:
    """The journeys that a journey enters, directly or through others, if the files have them."""
    by_key = {each.document.key: each for each in parsed if isinstance(each.document, Journey)}
    found = {chosen.document.key: chosen}
    to_visit = [chosen.document]
    while to_visit:
        journey = to_visit.pop()
        assert isinstance(journey, Journey)
        for step in journey.all_steps():
            key = step.enter.journey if isinstance(step, EnterStep) else None
            if key in by_key and key not in found:
                found[key] = by_key[key]
                to_visit.append(by_key[key].document)
    return [each for key, each in found.items() if key != chosen.document.key]
