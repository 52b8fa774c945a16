"""Compiler from conditions to SQL expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from journeys.model.conditions import (
    AllCondition,
    AnyCondition,
    AttributeCondition,
    Comparison,
    Condition,
    EntryCondition,
    EventCondition,
    GroupCondition,
    MessageCondition,
    NearCondition,
    NotCondition,
    SegmentCondition,
    StepCondition,
    TopicCondition,
    Where,
)
from journeys.model.values import Operand
from journeys.model.well_known_events import STATUS_EVENTS
from store.conditions.comparisons import compare, compare_where, expected, operators_of
from store.conditions.event_history import compile_event, compile_near, seen_by_run
from store.conditions.leaf import Leaf
from store.conditions.predicate import ObservedValue, Predicate
from store.conditions.sql_values import SEGMENT_ZONE, JudgedRow, PredicateBuilder, Values
from store.conditions.verdicts import Verdict, all_of, any_of, denied, earliest
from store.sql import Sql, name, sql

_Simple = (
    AttributeCondition
    | EventCondition
    | MessageCondition
    | StepCondition
    | EntryCondition
    | GroupCondition
    | TopicCondition
    | NearCondition
)


def compile_condition(
    condition: Condition,
    *,
    prefix: str = "p",
    default_zone: str = SEGMENT_ZONE,
    segments: Mapping[str, Condition] | None = None,
    timed: bool = True,
    shared: JudgedRow | None = None,
) -> Predicate:
    """The condition over the rows `c` and `r`.

    Args:
        prefix: begins the names of its parameters and of its inner rows; predicates that share a
            statement need different ones.
        default_zone: of contacts without a time zone; in segments it is UTC.
        segments: the conditions of the segments that it may name, by key.
        timed: whether `next_change` is compiled; to judge a condition once, it is not needed.
        shared: rows of the statement with the instant, instead of the parameter `judged_at`.

    Raises ValueError if it names a segment that is not among `segments`, or that contains itself.
    """
    compiler = _Compiler(
        PredicateBuilder(prefix, default_zone, timed=timed, shared=shared), segments or {}, prefix
    )
    verdict, over_observed = compiler.compile(condition, ())
    return Predicate(
        verdict.holds,
        over_observed,
        compiler.builder.params,
        tuple(compiler.observed),
        tuple(compiler.memberships),
        verdict.next,
    )


def compile_where(
    where: Where,
    *,
    event: str = "e",
    prefix: str = "w",
    default_zone: str = SEGMENT_ZONE,
    observed: bool = False,
) -> Predicate:
    """`where` over the row `event` of the table of that name, and over `c` and `r`.

    It is judged at the event's recording, so the answer is the same at any later time. `observed`:
    the properties that it reads are asked for, too.
    """
    builder = PredicateBuilder(prefix, default_zone, name(event), timed=False)
    holds = compare_where(builder, where, name(event)).holds
    seen = [
        ObservedValue(
            f"property {path}",
            builder.reach(sql("{event}.properties", event=name(event)), path).all_as_one(),
            expected(operators_of(comparison)),
            name(f"{prefix}w{number}"),
        )
        for number, (path, comparison) in enumerate(where.items() if observed else ())
    ]
    return Predicate(holds, holds, builder.params, tuple(seen))


def split_where(where: Where) -> tuple[dict[str, Operand], Where]:
    """The part of `where` that a listener can match by containment, and the rest.

    The first part is the properties (no path inside them) that must equal one value or reference.
    """
    equal: dict[str, Operand] = {}
    rest: Where = {}
    for path, comparison in where.items():
        operators = operators_of(comparison)
        operand = operators.get("is")
        if len(operators) == 1 and operand is not None and "." not in path:
            equal[path] = operand
        else:
            rest[path] = comparison
    return equal, rest


class _Compiler:
    def __init__(
        self, builder: PredicateBuilder, segments: Mapping[str, Condition], prefix: str
    ) -> None:
        self.builder = builder
        self.observed: list[ObservedValue] = []
        self.memberships: list[tuple[str, Sql]] = []
        self._segments = segments
        self._prefix = prefix

    def compile(self, condition: Condition, within: tuple[str, ...]) -> tuple[Verdict, Sql]:
        """The verdict, and its boolean expression over the observed values; neither is ever null.

        `within` are the segments that contain the condition.
        """
        match condition:
            case AllCondition(all=parts):
                return self._joined(all_of, sql("true"), parts, within)
            case AnyCondition(any=parts):
                return self._joined(any_of, sql("false"), parts, within)
            case NotCondition(not_=part):
                alone, over_observed = self.compile(part, within)
                return denied(alone), sql("(not {part})", part=over_observed)
            case SegmentCondition(segment=key):
                return self._segment(key, within)
        leaf = self._leaf(condition)
        column = name(f"{self._prefix}w{len(self.observed)}")
        self.observed.append(ObservedValue(leaf.label, leaf.value, leaf.expected, column))
        if leaf.test is None:
            return leaf.verdict, leaf.verdict.holds
        return leaf.verdict, leaf.test(sql("seen.{column}", column=column))

    def _joined(
        self,
        join_parts: Callable[[Sequence[Verdict]], Verdict],
        empty: Sql,
        parts: list[Condition],
        within: tuple[str, ...],
    ) -> tuple[Verdict, Sql]:
        if not parts:
            return Verdict(empty), empty
        compiled = [self.compile(part, within) for part in parts]
        over_observed = join_parts([Verdict(part) for _, part in compiled]).holds
        return join_parts([part for part, _ in compiled]), over_observed

    def _segment(self, key: str, within: tuple[str, ...]) -> tuple[Verdict, Sql]:
        if key in within:
            circle = " → ".join([*within[within.index(key) :], key])
            raise ValueError(f"segment `{key}` contains itself: {circle}")
        if key not in self._segments:
            raise ValueError(f"there is no segment `{key}`")
        with self.builder.of_segment():
            alone, over_observed = self.compile(self._segments[key], (*within, key))
        self.memberships.append((f"segment {key}", over_observed))
        return alone, over_observed

    def _leaf(self, condition: _Simple) -> Leaf:
        match condition:
            case EventCondition():
                return compile_event(self.builder, condition)
            case NearCondition():
                return compile_near(self.builder, condition)
            case MessageCondition():
                return self._message(condition)
            case TopicCondition():
                return self._topic(condition)
            case GroupCondition(group=key):
                holds = sql(
                    "exists (select from group_member g where g.contact_id = c.id"
                    " and g.group_key = {key})",
                    key=self.builder.text(key),
                )
                return Leaf.truth(f"group {key}", Verdict(holds))
            case AttributeCondition(attribute=path):
                values = self.builder.attribute(path)
                return self._compared(f"attribute {path}", values, condition)
            case EntryCondition(entry=path):
                return self._compared(f"entry {path}", self.builder.entry(path), condition)
            case StepCondition(step=step, property=path):
                label = f"step {step}" if path is None else f"step {step} {path}"
                return self._compared(label, self.builder.step(step, path), condition)

    def _compared(self, label: str, values: Values, comparison: Comparison) -> Leaf:
        operators = operators_of(comparison)
        verdict = compare(self.builder, values, operators)
        return Leaf.of(label, verdict, values, self.builder, operators)

    def _message(self, condition: MessageCondition) -> Leaf:
        message = self.builder.alias()
        latest = sql(
            "(select m.* from message m where m.run_id = r.id and m.step = {step}"
            " order by m.visit desc limit 1) {message}",
            step=self.builder.text(condition.message),
            message=message,
        )
        if condition.where:
            reached = self._status_event(condition, message)
        else:
            reached = Verdict(
                sql(
                    "{message}.{column} <= {counted}",
                    message=message,
                    column=name(f"{condition.is_}_at"),
                    counted=self.builder.latest,
                )
            )
        rows = sql(
            "from {latest} where {message}.state in ('sent', 'unknown')",
            latest=latest,
            message=message,
        )
        verdict = Verdict(
            sql("exists (select {rows} and {reached})", rows=rows, reached=reached.holds),
            None if reached.next is None else earliest(reached.next, rows),
        )
        label = f"message {condition.message} {condition.is_}"
        return Leaf.truth(label, verdict, {"is": condition.is_})

    def _status_event(self, condition: MessageCondition, message: Sql) -> Verdict:
        """An event, by a human, gave the message of the row `message` the condition's status."""
        event = self.builder.alias()
        where = compare_where(self.builder, condition.where, event)
        rows = sql(
            "from event {event} where {seen}"
            " and {event}.properties ->> 'message_id' = {message}.id::text"
            " and coalesce({event}.properties ->> 'by', 'human') <> 'machine'",
            event=event,
            message=message,
            seen=seen_by_run(self.builder, STATUS_EVENTS[condition.is_], event),
        )
        return Verdict(
            sql("exists (select {rows} and {where})", rows=rows, where=where.holds),
            None if where.next is None else earliest(where.next, rows),
        )

    def _topic(self, condition: TopicCondition) -> Leaf:
        state = sql(
            "coalesce((select t.state from topic_state t"
            " where t.contact_id = c.id and t.topic = {topic}),"
            " (select case d.document ->> 'default' when 'opt_out' then 'subscribed' end"
            " from document d where d.kind = 'topic' and d.key = {topic}), 'unsubscribed')",
            topic=self.builder.text(condition.topic),
        )
        wanted = self.builder.text(condition.is_)
        return Leaf(
            f"topic {condition.topic}",
            Verdict(sql("({state} = {wanted})", state=state, wanted=wanted)),
            sql("to_jsonb({state})", state=state),
            {"is": condition.is_},
            lambda seen: sql("({seen} = to_jsonb({wanted}))", seen=seen, wanted=wanted),
        )
