"""Loops and ranges: what a `for` goes through, never copied before it is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from liquid import RenderContext
from liquid.builtin.expressions import LoopExpression
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.expression import Expression

from journeys.templating.context import Context, line_of
from journeys.templating.failures import TemplateError
from journeys.templating.values import is_empty, kind_of


class Loop(LoopExpression):
    """What a `for` goes through."""

    __slots__ = ()

    @classmethod
    def of(cls, loop: LoopExpression) -> Loop:
        """The loop of the parser as one of these."""
        return cls(
            loop.token,
            loop.identifier,
            loop.iterable,
            limit=loop.limit,
            offset=loop.offset,
            reversed_=loop.reversed,
            cols=None,
        )

    def elements(self, context: Context) -> Sequence[object]:
        """The elements, cut and turned as the tag says. Raises TemplateError."""
        value = self.iterable.evaluate(context)
        found: Sequence[object] = ()
        if isinstance(value, list | tuple | range):
            found = value
        elif isinstance(value, Mapping):
            context.budget.spend(len(value))
            found = [list(pair) for pair in value.items()]
        elif isinstance(value, str) and not is_empty(value):
            found = [value]
        key = f"{self.identifier}-{self.iterable}"
        if getattr(self.offset, "value", None) == "continue":
            start = context.stopindex(key)
        else:
            start = self._whole(context, "offset", self.offset, 0)
        size = found.stop - found.start if isinstance(found, range) else len(found)
        stop = size
        if self.limit is not None:
            stop = min(start + self._whole(context, "limit", self.limit, size), size)
        context.stopindex(key, index=max(stop, 0))
        if (start, stop) == (0, size) and not self.reversed:
            return found
        if not isinstance(found, range):
            context.budget.spend(len(found) // 10)
        cut = found[start:stop]
        return cut[::-1] if self.reversed else cut

    def _whole(self, context: Context, word: str, expression: Expression | None, other: int) -> int:
        if expression is None:
            return other
        value = expression.evaluate(context)
        if is_empty(value):
            return other
        if isinstance(value, bool) or not isinstance(value, int):
            raise TemplateError(
                f"`{word}` of the loop needs a whole number: `{expression}` is {kind_of(value)}",
                line=line_of(self.token),
            )
        return max(value, 0)


class _Range(RangeLiteral):
    """`(1..n)`: from 0 where an end is no whole number."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> range:
        ends = []
        for each in (self.start, self.stop):
            value = each.evaluate(context)
            if isinstance(value, str) and value.isdecimal() and len(value) < 19:
                value = int(value)
            whole = isinstance(value, int) and not isinstance(value, bool)
            ends.append(value if whole else 0)
        start, stop = (max(-(10**15), min(int(end), 10**15)) for end in ends)  # type: ignore[call-overload]
        return range(start, stop + 1) if start <= stop else range(0)


def operand(expression: Expression) -> Expression:
    """A plain value of the parser, with ranges of ours."""
    if isinstance(expression, RangeLiteral):
        return _Range(expression.token, operand(expression.start), operand(expression.stop))
    return expression
