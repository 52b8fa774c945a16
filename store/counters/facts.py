"""The counted facts: what each row counts for, under which key, and when that happened.

Each fact is one expression over a row `x`, and is all there is to say about it: the triggers that
append deltas, the recount of rows, and what deleted rows leave behind are made of the same text
(`store.counters.contributions`). A fact depends on its own row and on what never changes of the
run: so whichever statement writes the row, what it counted for before and what it counts for now
are known from the row alone.

Facts of visits and messages belong to the version that the run had then; those of a run's beginning
to the version that it began with; those of its end to the version that it ended in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from journeys.model.outcomes import REPLACED
from journeys.protocol.message_status import RECORDED_STATUSES
from store.sql import Sql, integer, join, name, sql, text_list

CountedTable = Literal["visit", "message", "run", "goal", "refusal", "consent_record", "link_hit"]

VALUE_LIMIT: Final = 10**30
"""The largest value of a goal: beyond any sum of money, and so small that the sum of all values
stays in the range of floating point."""
IN_JOURNEYS: Final = "in_journeys"
"""Contacts with an active run. It is counted before a run is written: see `store.counters`."""
TARGETED: Final = "targeted"
"""Contacts to whom an e-mail or a text message was sent, each once a day."""
DUE: Final = "due"
"""What waits for a time, by the quarter of an hour in which that comes: `store.reports.upcoming`.

A wait that ends in the quarter in which its step began is not among it: the rows say how many these
are, and most sends that are tried again would cost two deltas each.
"""


_NOTHING: Final = sql("''")
_NO_VERSION: Final = sql("0")
_NO_VALUE: Final = sql("0::numeric")
_NO_CONTACT: Final = sql("null::uuid")
_FALSE: Final = sql("false")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a row may count for."""

    name: str
    when: Sql
    """Whether the row `x` counts."""
    at: Sql
    """When it happened."""
    label: Sql = _NOTHING
    """What tells it from others of its kind: an outcome, a reason, a channel."""
    step: Sql = _NOTHING
    version: Sql = _NO_VERSION
    value: Sql = _NO_VALUE
    targeted: Sql = _NO_CONTACT
    """The contact that was targeted by it."""
    guard: Sql | None = None
    """What must hold before the rest is worth to be asked, of a fact that reads other rows."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table whose rows are counted."""

    facts: tuple[Fact, ...]
    joins: Sql
    """What the expressions need besides the row: the run `r`, the goal `g`."""
    journey: Sql
    entered_at: Sql
    """When the run began: the cohort."""
    closed: dict[str, Sql]
    """What the columns of a row count as once it is deleted: nothing stands any more."""
    columns: tuple[str, ...]
    """The columns on which its facts depend; None of the others changes a figure."""
    inserted: Sql | None = None
    """Of inserted rows, those that may count for anything; None: all."""
    by_run: bool = False
    """Its rows have a `run_id`, and facts without a guard need nothing else of `joins`."""
    never: Sql = _FALSE
    """Whether a deleted row `x` counts as one that never was."""


_RUN: Final = sql("join run r on r.id = x.run_id")
_KEPT: Final = sql("(x.kind <> 'split' or not x.replaced)")
_OPEN: Final = sql("x.outcome is null and not x.run_ended")
_LATER: Final = sql(
    "x.due_at >= date_bin('15 minutes', x.started_at, 'epoch') + interval '15 minutes'"
)
# During an attempt a send that is retried is not held.
_RETRIED: Final = sql(
    "(x.held = 'retry' or x.held is null and x.facts #>> '{held,-1,why}' = 'retry')"
)
_VALUE: Final = sql(
    "case when abs(x.value) <= {most} then x.value else 0::numeric end", most=integer(VALUE_LIMIT)
)
IS_ARM: Final = sql(
    """
    x.kind = 'split' and x.outcome <> 'skipped' and not x.run_ended and not x.replaced
    and not exists (
        select from %(visits)s earlier
        where earlier.run_id = x.run_id and earlier.visit < x.visit and earlier.step = x.step
          and earlier.outcome = x.outcome and earlier.kind = 'split'
    )
    """
)
"""The visit `x` is the first at which its run took an arm of a split. The end of a run is none.

The other visits are asked of the table, or of the rows that are deleted: `%(visits)s`.
"""
IS_MET: Final = sql("g.met_event_id is not null and not g.replaced")
"""The goal `g` is met, and its run was not replaced by another."""
GOAL_VALUE: Final = sql(
    "case when abs(g.value) <= {most} then g.value else 0::numeric end", most=integer(VALUE_LIMIT)
)
_VISIT_VERSION: Final = sql("coalesce(x.version, r.version)")
_ENDED_AT: Final = sql("coalesce(x.ended_at, x.started_at)")


def _visit(fact: str, when: Sql, at: Sql, label: Sql = _NOTHING) -> Fact:
    return Fact(fact, when, at, label, sql("x.step"), _VISIT_VERSION)


def _message(fact: str, when: Sql, at: Sql, targeted: Sql = _NO_CONTACT) -> Fact:
    return Fact(fact, when, at, sql("x.channel"), sql("x.step"), _VISIT_VERSION, targeted=targeted)


def _run(fact: str, when: Sql, version: Sql) -> Fact:
    return Fact(fact, when, sql("x.started_at"), version=version)


_STATUSES: Final = (*RECORDED_STATUSES, "unsubscribed")
_REPLACED: Final = sql("x.outcome in ({replaced})", replaced=text_list(REPLACED))
_FIRST_VERSION: Final = sql("coalesce(x.entry_version, x.version)")
_LAST_VERSION: Final = sql("x.version")
_SETTLED_AT: Final = sql("coalesce(x.settled_at, x.claimed_at)")

SOURCES: Final[dict[CountedTable, Source]] = {
    "visit": Source(
        (
            _visit("reached", _KEPT, sql("x.started_at"), sql("x.kind")),
            _visit(
                "outcome",
                sql("x.outcome is not null and {kept}", kept=_KEPT),
                _ENDED_AT,
                sql("x.outcome"),
            ),
            _visit(
                "skipped",
                sql("x.outcome = 'skipped' and {kept}", kept=_KEPT),
                _ENDED_AT,
                sql("coalesce(x.facts ->> 'reason', 'if')"),
            ),
            _visit(
                "failed",
                sql("x.outcome = 'failed'"),
                _ENDED_AT,
                sql("coalesce(x.facts ->> 'code', x.facts ->> 'reason', '')"),
            ),
            _visit(
                "held",
                sql("{open} and x.held <> 'retry'", open=_OPEN),
                sql("x.started_at"),
                sql("x.held"),
            ),
            _visit(
                "retrying",
                sql("{open} and {retried}", open=_OPEN, retried=_RETRIED),
                sql("x.started_at"),
            ),
            # Runs end while a send is claimed; its visit ends once that is recorded.
            _visit(
                "left_open",
                sql("x.outcome is null and x.run_ended and {kept}", kept=_KEPT),
                sql("x.started_at"),
            ),
            _visit(
                DUE,
                sql("{open} and {later}", open=_OPEN, later=_LATER),
                sql("x.due_at"),
                sql("x.kind || coalesce(' ' || x.held, '')"),
            ),
            Fact(
                "arm",
                sql("{met} and {arm}", met=IS_MET, arm=IS_ARM),
                sql("g.met_at"),
                sql("x.outcome"),
                sql("x.step"),
                _VISIT_VERSION,
                GOAL_VALUE,
                guard=sql("x.kind = 'split' and x.outcome is not null"),
            ),
        ),
        joins=sql("{run} left join goal g on g.run_id = x.run_id and x.kind = 'split'", run=_RUN),
        journey=sql("r.journey"),
        entered_at=sql("r.started_at"),
        by_run=True,
        closed={"run_ended": sql("x.run_ended or x.outcome is null"), "held": sql("null::text")},
        columns=(
            "version",
            "step",
            "outcome",
            "ended_at",
            "due_at",
            "held",
            "facts",
            "run_ended",
            "replaced",
        ),
    ),
    "message": Source(
        (
            _message(
                "message_sent",
                sql("x.state = 'sent'"),
                _SETTLED_AT,
                targeted=sql("case when x.channel <> 'webhook' then x.contact_id end"),
            ),
            _message("message_refused", sql("x.state = 'refused'"), _SETTLED_AT),
            _message("message_unknown", sql("x.state = 'unknown'"), _SETTLED_AT),
            *(
                _message(
                    status,
                    sql("x.{at} is not null", at=name(f"{status}_at")),
                    sql("x.{at}", at=name(f"{status}_at")),
                )
                for status in _STATUSES
            ),
        ),
        joins=_RUN,
        journey=sql("r.journey"),
        entered_at=sql("r.started_at"),
        by_run=True,
        closed={},
        columns=(
            "version",
            "step",
            "state",
            "settled_at",
            *(f"{status}_at" for status in _STATUSES),
        ),
        inserted=sql(
            "new.state <> 'claimed' or coalesce({times}) is not null",
            times=join(", ", [sql("new.{at}", at=name(f"{status}_at")) for status in _STATUSES]),
        ),
    ),
    "run": Source(
        (
            _run("entered", sql("not coalesce({r}, false)", r=_REPLACED), _FIRST_VERSION),
            _run("replaced", _REPLACED, _FIRST_VERSION),
            Fact(
                "ended",
                sql("x.state = 'ended'"),
                sql("coalesce(x.ended_at, x.started_at)"),
                sql("coalesce(x.outcome, 'removed')"),
                version=_LAST_VERSION,
            ),
            # An active run is what began and did not end; one that was moved is of its version now.
            _run("moved_from", sql("x.entry_version <> x.version"), _FIRST_VERSION),
            _run("moved_to", sql("x.entry_version <> x.version"), _LAST_VERSION),
        ),
        joins=sql(""),
        journey=sql("x.journey"),
        entered_at=sql("x.started_at"),
        closed={"state": sql("'ended'"), "ended_at": sql("coalesce(x.ended_at, parcours.clock())")},
        # Its workflow could not be started, and its start was not answered with success.
        never=sql("x.state = 'active' and x.workflow_started_at is null and x.visit = 0"),
        columns=("state", "outcome", "ended_at", "version", "entry_version"),
    ),
    "goal": Source(
        (
            Fact(
                "goal",
                sql("x.met_event_id is not null and not x.replaced"),
                sql("x.met_at"),
                step=sql("coalesce(x.step, '')"),
                version=sql("coalesce(x.version, 0)"),
                value=sql("coalesce({value}, 0::numeric)", value=_VALUE),
            ),
        ),
        joins=sql(""),
        journey=sql("x.journey"),
        entered_at=sql("coalesce(x.entered_at, x.met_at)"),
        closed={},
        columns=("met_event_id", "met_at", "value", "replaced"),
        inserted=sql("new.met_event_id is not null"),
    ),
    "refusal": Source(
        (Fact("refused", sql("true"), sql("x.refused_at"), sql("x.code")),),
        joins=sql(""),
        journey=sql("x.journey"),
        entered_at=sql("x.refused_at"),
        closed={},
        columns=(),
    ),
    "consent_record": Source(
        (
            Fact(
                "consent",
                sql("true"),
                sql("x.recorded_at"),
                sql("x.state"),
                sql("coalesce(x.topic, x.channel, '')"),
            ),
        ),
        joins=sql(""),
        journey=sql("''"),
        entered_at=sql("x.recorded_at"),
        closed={},
        columns=(),
    ),
    "link_hit": Source(
        (
            # What follows the path of a URL may be about its reader.
            Fact(
                "link",
                sql("x.kind = 'click' and x.\"by\" = 'human' and x.url is not null"),
                sql("x.happened_at"),
                sql("left(regexp_replace(x.url, '[?#].*$', ''), 200)"),
                sql("m.step"),
                sql("coalesce(m.version, r.version)"),
            ),
        ),
        joins=sql("join %(messages)s m on m.id = x.message_id join run r on r.id = m.run_id"),
        journey=sql("r.journey"),
        entered_at=sql("r.started_at"),
        closed={},
        columns=("by",),
        inserted=sql("new.by is not null"),
    ),
}
"""The tables that are counted, each with its facts."""
