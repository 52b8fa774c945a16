"""Expressions of templates with the rules of this language: filters, comparisons, paths, loops.

The parser of python-liquid makes its own expressions. Nodes replace them by these, which count
their work, and whose comparisons are those of conditions.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import Any, Final

from liquid import RenderContext
from liquid.builtin.expressions import (
    BooleanExpression,
    FilteredExpression,
    LoopExpression,
    Path,
)
from liquid.builtin.expressions.arguments import KeywordArgument
from liquid.builtin.expressions.filtered import Filter as WrittenFilter
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LogicalAndExpression,
    LogicalNotExpression,
    LogicalOrExpression,
    LtExpression,
    NeExpression,
)
from liquid.builtin.expressions.primitive import Literal, Nil, RangeLiteral
from liquid.exceptions import LiquidSyntaxError
from liquid.expression import Expression
from liquid.template import BoundTemplate
from liquid.token import Token
from liquid.undefined import Undefined
from liquid.utils import ReadOnlyChainMap
from markupsafe import Markup, escape

from journeys.model.unions import closest_match
from journeys.templating.budget import Budget
from journeys.templating.failures import TemplateError, Unfit
from journeys.templating.filters import (
    FILTERS,
    Surroundings,
    apply,
    check_arguments,
)
from journeys.templating.values import (
    Now,
    contains,
    equal,
    is_empty,
    is_true,
    kind_of,
    ordered,
    plain_text,
    reach,
)

_SIGNS: Final[dict[type[Expression], Callable[[Any, Any], bool]]] = {
    LtExpression: operator.lt,
    LeExpression: operator.le,
    GtExpression: operator.gt,
    GeExpression: operator.ge,
}


class Invalid(LiquidSyntaxError):
    """A wrong filter, as an error that the parser passes on."""

    def __init__(self, failure: TemplateError) -> None:
        super().__init__(str(failure), token=None)
        self.failure = failure


def line_of(token: Token) -> int:
    """The line of a token in its template, from 1."""
    return token.source.count("\n", 0, max(token.start_index, 0)) + 1


class Buffer(StringIO):
    """Printed text, whose size and work are counted."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def write(self, text: str) -> int:
        """Add a text. Raises TemplateLimit."""
        self._budget.print(text)
        return super().write(text)


class Context(RenderContext):
    """What a template sees while it is rendered, and the work that is left."""

    def __init__(
        self,
        template: BoundTemplate,
        *,
        globals: Mapping[str, object],  # noqa: A002
        surroundings: Surroundings,
    ) -> None:
        super().__init__(template, globals=globals)
        self.surroundings = surroundings
        self.budget = surroundings.budget
        # Without the clock of the machine.
        at = surroundings.now.astimezone(surroundings.zone)
        clock = {"now": Now(at, "now"), "today": Now(at, "today")}
        self.scope = ReadOnlyChainMap(self.locals, self.globals, clock)

    def get(self, path: list[object], *, token: Any, default: object = None) -> object:
        """The value at a path; None if there is none."""
        self.budget.spend(len(path))
        root = path[0]
        if not isinstance(root, str):
            return None
        try:
            value = self.scope[root]
        except KeyError:
            return None
        return reach(value, path[1:])

    def assign(self, key: str, val: Any) -> None:
        """Give a value a name. Raises TemplateLimit."""
        self.budget.hold(val)
        self.locals[key] = val

    def get_buffer(self, buf: Any = None) -> StringIO:
        """The buffer of a `capture`."""
        return Buffer(self.budget)


class Filtered(FilteredExpression):
    """A value and its filters, whose arguments are checked when the template is parsed."""

    __slots__ = ()

    @classmethod
    def of(cls, expression: Expression) -> Filtered:
        """The expression of the parser as one of these. Raises Invalid for wrong filters."""
        assert isinstance(expression, FilteredExpression)
        made = cls(expression.token, expression.left, expression.filters or [])
        for each in made.filters or []:
            _check(each)
        return made

    def evaluate(self, context: RenderContext) -> object:
        """The value; None for one that is missing or empty. Raises TemplateError."""
        assert isinstance(context, Context)
        value = self.left.evaluate(context)
        for each in self.filters or []:
            value = self._apply(each, value, context)
        return value

    def shown(self, context: Context) -> str:
        """The value as it is printed. Raises TemplateError if it can't be, or is empty."""
        value = self.evaluate(context)
        if is_empty(value):
            if self._prints_nothing_on_purpose():
                return ""
            raise nothing(self.left, after_filters=self._has_left(context))
        return printed(value, self.left, context)

    def _apply(self, each: WrittenFilter, value: object, context: Context) -> object:
        positional: list[object] = []
        named: dict[str, object] = {}
        for argument in each.args:
            given = argument.value.evaluate(context)
            if isinstance(argument.value, Path) and is_empty(given):
                takes_empty = FILTERS[each.name].takes_empty
                if not takes_empty and not is_empty(value):
                    raise nothing(argument.value)
                given = None
            if isinstance(argument, KeywordArgument):
                named[argument.name] = given
            else:
                positional.append(None if isinstance(given, Undefined) else given)
        try:
            return apply(each.name, value, positional, named, context.surroundings)
        except Unfit as error:
            message = f"`{each.name}` can't use `{self.left}`: it {error}"
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
            message = f"`{each.name}` can't use `{self.left}` with these values"
        raise TemplateError(message, line=line_of(each.token))

    def _prints_nothing_on_purpose(self) -> bool:
        # `default: ""` prints nothing on purpose.
        defaults = [each for each in self.filters or [] if each.name == "default"]
        return bool(defaults) and all(
            isinstance(argument.value, Literal | Nil) for argument in defaults[-1].args
        )

    def _has_left(self, context: Context) -> bool:
        return bool(self.filters) and not is_empty(self.left.evaluate(context))


class _Comparison(Expression):
    __slots__ = ("kind", "left", "right")

    def __init__(self, kind: type[Expression], left: Expression, right: Expression) -> None:
        super().__init__(left.token)
        self.kind = kind
        self.left = left
        self.right = right

    def evaluate(self, context: RenderContext) -> bool:
        assert isinstance(context, Context)
        left, right = self.left.evaluate(context), self.right.evaluate(context)
        spend = context.budget.spend
        spend(1 + _length(left) + _length(right))
        if self.kind is EqExpression:
            return equal(left, right, spend)
        if self.kind is NeExpression:
            return not equal(left, right, spend)
        if self.kind is ContainsExpression:
            return contains(left, right, spend)
        return ordered(left, right, _SIGNS[self.kind])

    def children(self) -> list[Expression]:
        return [self.left, self.right]


class _Logical(Expression):
    """`and`, `or`, and the truth of one value."""

    __slots__ = ("both", "parts")

    def __init__(self, token: Any, parts: list[Expression], *, both: bool = True) -> None:
        super().__init__(token)
        self.parts = parts
        self.both = both

    def evaluate(self, context: RenderContext) -> bool:
        assert isinstance(context, Context)
        context.budget.spend(1)
        found = (is_true(part.evaluate(context)) for part in self.parts)
        return all(found) if self.both else any(found)

    def children(self) -> list[Expression]:
        return self.parts


class AnyOf(Expression):
    """The values of a `when`: whether one of them equals the value of the `case`."""

    __slots__ = ("left", "values")

    def __init__(self, left: Expression, values: list[Expression]) -> None:
        super().__init__(left.token)
        self.left = left
        self.values = values

    def evaluate(self, context: RenderContext) -> list[bool]:
        """One element: whether a value is equal."""
        assert isinstance(context, Context)
        left = self.left.evaluate(context)
        for value in self.values:
            right = value.evaluate(context)
            context.budget.spend(1 + _length(left) + _length(right))
            if equal(left, right, context.budget.spend):
                return [True]
        return [False]

    def children(self) -> list[Expression]:
        """The values; the left side belongs to the `case`."""
        return self.values


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


def condition(expression: Expression) -> Expression:
    """A condition of the parser as one of these."""
    kind = type(expression)
    if isinstance(expression, BooleanExpression):
        return _Logical(expression.token, [condition(expression.expression)])
    if isinstance(expression, LogicalAndExpression | LogicalOrExpression):
        parts = [condition(expression.left), condition(expression.right)]
        both = isinstance(expression, LogicalAndExpression)
        return _Logical(expression.token, parts, both=both)
    assert not isinstance(expression, LogicalNotExpression)
    if kind in _SIGNS or kind in (EqExpression, NeExpression, ContainsExpression):
        return _Comparison(kind, value(expression.left), value(expression.right))  # type: ignore[attr-defined]
    return value(expression)


def value(expression: Expression) -> Expression:
    """A plain value of the parser, with ranges of ours."""
    if isinstance(expression, RangeLiteral):
        return _Range(expression.token, value(expression.start), value(expression.stop))
    return expression


def printed(value: object, written: Expression, context: Context) -> str:
    """A value that is not empty as text of the message. Raises TemplateError if it has none."""
    try:
        text = plain_text(value)
    except Unfit as error:
        hint = ""
        if isinstance(value, list | tuple | range):
            hint = f"; write {{{{ {written} | join: ', ' }}}} or {{{{ {written} | json }}}}"
        elif isinstance(value, Mapping):
            hint = f"; print one of its parts, or write {{{{ {written} | json }}}}"
        raise TemplateError(f"`{written}` {error}{hint}", line=line_of(written.token)) from None
    html = context.surroundings.html and not isinstance(text, Markup)
    return str(escape(text)) if html else text


def nothing(written: Expression, *, after_filters: bool = False) -> TemplateError:
    """The failure of printing what is missing or empty."""
    what = "is empty after its filters" if after_filters else "is missing or empty"
    return TemplateError(
        f"`{written}` {what}; give it a value, or write {{{{ {written} | default: '…' }}}}",
        variable=str(written),
        line=line_of(written.token),
    )


def _length(value: object) -> int:
    return len(value) // 100 if isinstance(value, str) else 0


def _check(each: WrittenFilter) -> None:
    if each.name not in FILTERS:
        near = closest_match(each.name, list(FILTERS))
        hint = f"; did you mean `{near}`?" if near else ""
        message = f"there is no filter `{each.name}`{hint}"
        raise Invalid(TemplateError(message, line=line_of(each.token)))
    positional = []
    named: dict[str, object] = {}
    for argument in each.args:
        literal = isinstance(argument.value, Literal | Nil)
        given = getattr(argument.value, "value", None) if literal else None
        if isinstance(argument, KeywordArgument):
            named[argument.name] = given
        else:
            positional.append((literal, given))
    try:
        check_arguments(each.name, positional, named)
    except Unfit as error:
        message = f"the filter `{each.name}` {error}"
        raise Invalid(TemplateError(message, line=line_of(each.token))) from None
