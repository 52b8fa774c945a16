"""From conditions to SQL."""

from __future__ import annotations

from collections.abc import Mapping

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
from store.conditions.comparisons import compare, compare_where, operators_of
from store.conditions.event_history import compile_event, compile_near, seen_by_run
from store.conditions.leaf import Leaf
from store.conditions.predicate import Predicate, Witness
from store.conditions.sql_values import Statement, Values

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
    default_zone: str = "UTC",
    segments: Mapping[str, Condition] | None = None,
) -> Predicate:
    """The condition over the rows `c` and `r`.

    Args:
        prefix: begins the names of its parameters and of its inner rows; predicates that share a
            statement need different ones.
        default_zone: of contacts without a time zone.
        segments: the conditions of the segments that it may name, by key.

    Raises:
        ValueError: it names a segment that is not given, or that contains itself.
    """
    compiler = _Compiler(Statement(prefix, default_zone), segments or {}, prefix)
    sql, over_witnesses = compiler.compile(condition, ())
    return Predicate(
        sql,
        over_witnesses,
        compiler.statement.params,
        tuple(compiler.witnesses),
        tuple(compiler.memberships),
    )


def compile_where(where: Where, *, event: str = "e", prefix: str = "w") -> Predicate:
    """`where` over the row `event` of the table of that name, besides `c` and `r`."""
    statement = Statement(prefix, "UTC")
    sql = compare_where(statement, where, event)
    return Predicate(sql, sql, statement.params, ())


def split_where(where: Where) -> tuple[dict[str, Operand], Where]:
    """What a listener can match by containment, and the rest.

    The first part holds properties (no path inside them) that are to equal one value or reference.
    """
    equal: dict[str, Operand] = {}
    rest: Where = {}
    for path, asked in where.items():
        operators = operators_of(asked)
        operand = operators.get("is")
        if len(operators) == 1 and operand is not None and "." not in path:
            equal[path] = operand
        else:
            rest[path] = asked
    return equal, rest


class _Compiler:
    def __init__(
        self, statement: Statement, segments: Mapping[str, Condition], prefix: str
    ) -> None:
        self.statement = statement
        self.witnesses: list[Witness] = []
        self.memberships: list[tuple[str, str]] = []
        self._segments = segments
        self._prefix = prefix

    def compile(self, condition: Condition, within: tuple[str, ...]) -> tuple[str, str]:
        """A boolean expression, never null, alone and over the witnesses; `within` are the segments
        that the condition lies in."""
        match condition:
            case AllCondition(all=parts):
                return self._joined(" and ", "true", parts, within)
            case AnyCondition(any=parts):
                return self._joined(" or ", "false", parts, within)
            case NotCondition(not_=part):
                alone, over_witnesses = self.compile(part, within)
                return f"(not {alone})", f"(not {over_witnesses})"
            case SegmentCondition(segment=key):
                return self._segment(key, within)
        leaf = self._leaf(condition)
        column = f"{self._prefix}w{len(self.witnesses)}"
        self.witnesses.append(Witness(leaf.label, leaf.value, leaf.expected, column))
        return leaf.sql, leaf.test(f"seen.{column}") if leaf.test else leaf.sql

    def _joined(
        self, word: str, empty: str, parts: list[Condition], within: tuple[str, ...]
    ) -> tuple[str, str]:
        if not parts:
            return empty, empty
        compiled = [self.compile(part, within) for part in parts]
        alone = word.join(sql for sql, _ in compiled)
        return f"({alone})", f"({word.join(sql for _, sql in compiled)})"

    def _segment(self, key: str, within: tuple[str, ...]) -> tuple[str, str]:
        if key in within:
            circle = " → ".join([*within[within.index(key) :], key])
            raise ValueError(f"segment `{key}` contains itself: {circle}")
        if key not in self._segments:
            raise ValueError(f"there is no segment `{key}`")
        sql, over_witnesses = self.compile(self._segments[key], (*within, key))
        self.memberships.append((f"segment {key}", over_witnesses))
        return sql, over_witnesses

    def _leaf(self, condition: _Simple) -> Leaf:
        match condition:
            case EventCondition():
                return compile_event(self.statement, condition)
            case NearCondition():
                return compile_near(self.statement, condition)
            case MessageCondition():
                return self._message(condition)
            case TopicCondition():
                return self._topic(condition)
            case GroupCondition(group=key):
                holds = (
                    f"exists (select from group_member g where g.contact_id = c.id"
                    f" and g.group_key = {self.statement.text(key)})"
                )
                return Leaf.truth(f"group {key}", holds)
            case AttributeCondition(attribute=path):
                values = self.statement.attribute(path)
                return self._compared(f"attribute {path}", values, condition)
            case EntryCondition(entry=path):
                return self._compared(f"entry {path}", self.statement.entry(path), condition)
            case StepCondition(step=step, property=path):
                label = f"step {step}" if path is None else f"step {step} {path}"
                return self._compared(label, self.statement.step(step, path), condition)

    def _compared(self, label: str, values: Values, comparison: Comparison) -> Leaf:
        operators = operators_of(comparison)
        sql = compare(self.statement, values, operators)
        return Leaf.of(label, sql, values, self.statement, operators)

    def _message(self, condition: MessageCondition) -> Leaf:
        column, event_name = f"{condition.is_}_at", STATUS_EVENTS[condition.is_]
        message = self.statement.alias()
        latest = (
            f"(select m.* from message m where m.run_id = r.id"
            f" and m.step = {self.statement.text(condition.message)}"
            f" order by m.visit desc limit 1) {message}"
        )
        tests = [f"{message}.state in ('sent', 'unknown')"]
        if condition.where:
            event = self.statement.alias()
            tests.append(
                f"exists (select from event {event}"
                f" where {seen_by_run(self.statement, event_name, event)}"
                f" and {event}.properties ->> 'message_id' = {message}.id::text"
                f" and coalesce({event}.properties ->> 'by', 'human') <> 'machine'"
                f" and {compare_where(self.statement, condition.where, event)})"
            )
        else:
            tests.append(f"{message}.{column} is not null")
        holds = f"exists (select from {latest} where {' and '.join(tests)})"
        label = f"message {condition.message} {condition.is_}"
        return Leaf.truth(label, holds, {"is": condition.is_})

    def _topic(self, condition: TopicCondition) -> Leaf:
        topic = self.statement.text(condition.topic)
        state = (
            f"coalesce((select t.state from topic_state t"
            f" where t.contact_id = c.id and t.topic = {topic}),"
            f" (select case d.document ->> 'default' when 'opt_out' then 'subscribed' end"
            f" from document d where d.kind = 'topic' and d.key = {topic}), 'unsubscribed')"
        )
        wanted = self.statement.text(condition.is_)
        return Leaf(
            f"topic {condition.topic}",
            f"({state} = {wanted})",
            f"to_jsonb({state})",
            {"is": condition.is_},
            lambda seen: f"({seen} = to_jsonb({wanted}))",
        )
