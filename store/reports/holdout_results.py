"""What a holdout shows: those whom journeys let in, against those whom it kept out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from psycopg import AsyncConnection
from sqlalchemy import bindparam, select
from sqlmodel import col

from journeys.model.holdouts import Holdout
from journeys.statistics.intervals import Interval
from journeys.statistics.proportions import Proportion, wilson
from journeys.statistics.verdicts import ArmComparison, ArmResult, Judgement, Rule, judge
from journeys.time.zones import zone_of
from store.sql import fetch_all_as, fetch_one, fetch_value, sql, statement
from store.tables.definitions import DocumentVersion

HELD: Final = "held_out"
ENTERED: Final = "entered"

_VERSION = statement(
    select(col(DocumentVersion.version), col(DocumentVersion.document))
    .where(
        col(DocumentVersion.kind) == "holdout",
        col(DocumentVersion.key) == bindparam("key"),
    )
    .order_by(col(DocumentVersion.version).desc())
    .limit(1)
)
_ONE_VERSION = statement(
    select(col(DocumentVersion.version), col(DocumentVersion.document)).where(
        col(DocumentVersion.kind) == "holdout",
        col(DocumentVersion.key) == bindparam("key"),
        col(DocumentVersion.version) == bindparam("version"),
    )
)
_BY_JOURNEY = sql("""
select o.journey, o.held, count(o.event_name) as contacts,
       count(*) filter (where o.event_name is null) as unmeasured,
       count(o.met_event_id) as met,
       count(*) filter (where o.event_name is not null and o.until_at > parcours.clock()) as open,
       coalesce(sum(o.value), 0) as value, min(o.observed_at) as first_at,
       max(o.observed_at) as last_at
from holdout_observation o
where o.holdout = %(holdout)s and o.design = %(design)s
group by o.journey, o.held order by o.journey, o.held
""")
# Of each contact the first journey that would have let it in: which ones follow may come of what it
# got there.
_OF_ALL = sql("""
select null::text as journey, o.held, count(o.event_name) as contacts,
       count(*) filter (where o.event_name is null) as unmeasured,
       count(o.met_event_id) as met,
       count(*) filter (where o.event_name is not null and o.until_at > parcours.clock()) as open,
       coalesce(sum(o.value), 0) as value, min(o.observed_at) as first_at,
       max(o.observed_at) as last_at
from holdout_observation o
where o.holdout = %(holdout)s and o.design = %(design)s and o.is_first
group by o.held order by o.held
""")
_CLOCK = sql("select parcours.clock()")


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """Contacts that entered, or that were held out, and what came of them."""

    journey: str | None
    held: bool
    contacts: int = 0
    """Those with a goal that both could meet."""
    unmeasured: int = 0
    """Those without one."""
    met: int = 0
    open: int = 0
    """Those whose goal can still be met."""
    value: Decimal = Decimal(0)
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def share(self) -> Proportion:
        """Those who met the goal."""
        return Proportion(self.met, self.contacts)

    def interval(self, level: float) -> Interval:
        """Of their rate."""
        return wilson(self.share, level)


@dataclass(frozen=True, slots=True)
class HoldoutComparison:
    """Those who entered against those who were held out."""

    journey: str | None
    """None: in the first journey of each contact."""
    entered: ArmFigures
    held_out: ArmFigures
    judgement: Judgement

    @property
    def compared(self) -> ArmComparison | None:
        """Those who entered, compared with those who did not."""
        return next(iter(self.judgement.comparisons), None)

    @property
    def lift(self) -> float | None:
        """By how much the rate of those who entered is higher, as a part of the other rate."""
        rate, control = self.entered.share.rate, self.held_out.share.rate
        return None if rate is None or not control else rate / control - 1

    @property
    def added_goals(self) -> float | None:
        """The goals that those who entered met beyond what they would have met otherwise."""
        rate, control = self.entered.share.rate, self.held_out.share.rate
        if rate is None or control is None:
            return None
        return (rate - control) * self.entered.contacts


HoldoutState = Literal["not_begun", "in_force", "ended"]


@dataclass(frozen=True, slots=True)
class HoldoutResults:
    """The results of a holdout as one of its versions designed it."""

    document: Holdout
    version: int
    state: HoldoutState
    level: float
    whole: HoldoutComparison
    journeys: list[HoldoutComparison]


async def holdout_results(
    conn: AsyncConnection[object], key: str, version: int | None, rule: Rule
) -> HoldoutResults | None:
    """The results of a holdout; None if there is no such holdout or version.

    Versions that differ in nothing that decides who is held out are compared together. Raises
    ValueError if the version no longer validates.
    """
    if version is None:
        found = await fetch_one(conn, _VERSION, {"key": key})
    else:
        found = await fetch_one(conn, _ONE_VERSION, {"key": key, "version": version})
    if found is None:
        return None
    document = Holdout.model_validate(found[1])
    asked = {"holdout": key, "design": document.design}
    whole = await fetch_all_as(conn, ArmFigures, _OF_ALL, asked)
    arms = await fetch_all_as(conn, ArmFigures, _BY_JOURNEY, asked)
    now: datetime = await fetch_value(conn, _CLOCK)
    journeys = dict.fromkeys(arm.journey for arm in arms)
    return HoldoutResults(
        document,
        found[0],
        _state(document, now),
        rule.level,
        _comparison(document, None, whole, rule),
        [
            _comparison(document, each, [arm for arm in arms if arm.journey == each], rule)
            for each in journeys
        ],
    )


def _comparison(
    document: Holdout, journey: str | None, arms: list[ArmFigures], rule: Rule
) -> HoldoutComparison:
    found = {arm.held: arm for arm in arms}
    entered = found.get(False, ArmFigures(journey, held=False))
    held_out = found.get(True, ArmFigures(journey, held=True))
    portion = float(document.portion)
    judgement = judge(
        [
            ArmResult(HELD, portion, held_out.contacts, held_out.met),
            ArmResult(ENTERED, 1 - portion, entered.contacts, entered.met),
        ],
        HELD,
        rule,
    )
    return HoldoutComparison(journey, entered, held_out, judgement)


def _state(document: Holdout, now: datetime) -> HoldoutState:
    """Whether it is in force, as if all its journeys were in UTC."""
    period = document.period
    if period is None:
        return "in_force"
    begin, end = period.bounds(zone_of(None, None))
    if end is not None and now >= end:
        return "ended"
    return "not_begun" if begin is not None and now < begin else "in_force"
