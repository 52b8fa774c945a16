"""The splits of a journey as experiments: their arms, and the versions that have them alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from psycopg import AsyncConnection

from journeys.protocol.channels import MESSAGE_KINDS
from store.sql import fetch_all, fetch_one, sql

Role = Literal["arm", "holdout", "winner_rule"]
"""An arm with steps or none; one whose runs end; one that waits and takes another arm's steps by
the journey's own rule."""

_DOCUMENT: Final = sql(
    """
    select v.version, v.document from journey j
    join journey_version v on v.journey = j.key and v.version = coalesce(
        %(version)s::integer,
        j.active_version,
        (select max(newest.version) from journey_version newest where newest.journey = j.key)
    )
    where j.key = %(journey)s
    """
)
# A step is found by its id wherever it stands.
_SPLITS: Final = sql(
    """
    select version, jsonb_path_query_first(
               document, '$.** ? (@.id == $step && exists (@.split)).split',
               jsonb_build_object('step', %(step)s::text)
           )
    from journey_version where journey = %(journey)s
      and version between %(version)s - %(around)s and %(version)s + %(around)s
    order by version
    """
)
_AROUND: Final = (8, 64, 512)
"""How many versions before and after are looked at: more only where all of them are alike."""


@dataclass(frozen=True, slots=True)
class SplitArm:
    """An arm of a split."""

    name: str
    weight: float
    role: Role
    sends: tuple[str, ...] = ()
    """The steps in it that send messages, at any depth, of all versions. An arm that takes the
    steps of another one by a rule has those of all arms."""


@dataclass(frozen=True, slots=True)
class Split:
    """A split, and the versions in which its arms have the same names, weights and roles."""

    journey: str
    step: str
    versions: tuple[int, ...]
    """One after the other, without a gap."""
    arms: tuple[SplitArm, ...]
    has_goal: bool
    winner_rule: dict[str, Any] | None = None
    """The rule of the arm that takes another one's steps: `{by, after}`."""

    @property
    def of_arms(self) -> bool:
        """Whether the messages of the arms themselves are counted, and not all after the split."""
        return all(arm.sends for arm in self.arms if arm.role == "arm")


@dataclass(frozen=True, slots=True)
class JourneySplits:
    """The splits of a version, in the order of the document."""

    version: int
    splits: tuple[tuple[str, tuple[SplitArm, ...]], ...]
    has_goal: bool


async def read_splits(
    conn: AsyncConnection[Any], journey: str, version: int | None = None
) -> JourneySplits | None:
    """The splits of a version, else of the active or newest one; None if there is none."""
    row = await fetch_one(conn, _DOCUMENT, {"journey": journey, "version": version})
    if row is None:
        return None
    found, document = row
    # Steps of exits come last. The document is read as it is, because it may no longer validate.
    lines = (document.get("steps"), document.get("exit"))
    splits = tuple((step["id"], _arms(step["split"])) for line in lines for step in _splits(line))
    return JourneySplits(found, splits, document.get("goal") is not None)


async def read_split(
    conn: AsyncConnection[Any], journey: str, step: str, version: int, *, has_goal: bool
) -> Split | None:
    """A split of a version, with the versions around it that have it alike; None if it has none."""
    documents: dict[int, list[dict[str, Any]]] = {}
    versions: list[int] = []
    for around in _AROUND:
        rows = await fetch_all(
            conn, _SPLITS, {"journey": journey, "step": step, "version": version, "around": around}
        )
        documents = {number: arms for number, arms in rows if arms is not None}
        if version not in documents:
            return None
        versions = _alike(documents, version)
        if version - around < versions[0] and versions[-1] < version + around:
            break
    arms = _arms(documents[version])
    sends: dict[str, set[str]] = {arm.name: set() for arm in arms}
    for each in versions:
        for arm in _arms(documents[each]):
            sends[arm.name].update(arm.sends)
    every = set[str]().union(*sends.values())
    return Split(
        journey=journey,
        step=step,
        versions=tuple(versions),
        arms=tuple(
            replace(
                arm,
                sends=tuple(sorted(every if arm.role == "winner_rule" else sends[arm.name])),
            )
            for arm in arms
        ),
        has_goal=has_goal,
        winner_rule=next((arm["winner"] for arm in documents[version] if arm.get("winner")), None),
    )


def _alike(documents: Mapping[int, Sequence[dict[str, Any]]], version: int) -> list[int]:
    """The version and those around it, without a gap, that have the same arms."""
    key = _key(documents[version])
    found = [version]
    for toward in (-1, 1):
        other = version + toward
        while other in documents and _key(documents[other]) == key:
            found.append(other)
            other += toward
    return sorted(found)


def _key(arms: Sequence[dict[str, Any]]) -> list[tuple[str, float, Role]]:
    return [(arm["name"], arm["weight"], _role(arm)) for arm in arms]


def _arms(arms: Sequence[dict[str, Any]]) -> tuple[SplitArm, ...]:
    return tuple(
        SplitArm(arm["name"], arm["weight"], _role(arm), tuple(_sends(arm.get("then"))))
        for arm in arms
    )


def _role(arm: dict[str, Any]) -> Role:
    if arm.get("winner"):
        return "winner_rule"
    return "holdout" if arm.get("holdout") else "arm"


def _splits(part: Any) -> Iterator[dict[str, Any]]:
    """The splits inside a part of a document, in its order."""
    return (step for step in _steps(part) if step.get("split"))


def _sends(part: Any) -> Iterator[str]:
    """The ids of steps inside a part of a document that send messages."""
    for step in _steps(part):
        if any(step.get(kind) is not None for kind in MESSAGE_KINDS):
            yield step["id"]


def _steps(part: Any) -> Iterator[dict[str, Any]]:
    """The steps inside a part of a document, each before those in it."""
    if isinstance(part, list):
        for each in part:
            yield from _steps(each)
    elif isinstance(part, dict):
        if "id" in part:
            yield part
        for key in ("then", "else", "branch", "split"):
            yield from _steps(part.get(key))
