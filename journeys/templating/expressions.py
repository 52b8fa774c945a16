"""Values with filters: checked when a template is parsed, applied and printed when it is rendered.

The parser of python-liquid makes its own expressions. Nodes replace them by these, which count
their work.
"""

from __future__ import annotations

from collections.abc import Mapping

from liquid import RenderContext
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.arguments import KeywordArgument
from liquid.builtin.expressions.filtered import Filter as WrittenFilter
from liquid.builtin.expressions.primitive import Literal, Nil
from liquid.exceptions import LiquidSyntaxError
from liquid.expression import Expression
from liquid.undefined import Undefined
from markupsafe import Markup, escape

from journeys.model.unions import closest_match
from journeys.templating.context import Context, line_of
from journeys.templating.failures import TemplateError, Unfit
from journeys.templating.filters import FILTERS, apply, check_arguments
from journeys.templating.values import is_empty, plain_text


class Invalid(LiquidSyntaxError):
    """A wrong filter, as an error that the parser passes on."""

    def __init__(self, failure: TemplateError) -> None:
        super().__init__(str(failure), token=None)
        self.failure = failure


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
