"""Liquid templates over JSON values: `contact`, `entry`, `steps`, links.

Missing, null and empty values are the same: for conditions, loops, `default` and `size` they are
nil. Printing one is an error that names the variable, so that no message says "Hello ,". Templates
cannot read files, and the size of loops and output is limited.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TextIO

from liquid import Environment, RenderContext
from liquid.builtin.content import Literal
from liquid.builtin.expressions import FilteredExpression, Path, StringLiteral
from liquid.builtin.filters.array import join
from liquid.builtin.illegal import Illegal
from liquid.builtin.output import Output, OutputNode
from liquid.exceptions import LiquidError
from liquid.filter import with_environment
from liquid.stringify import to_liquid_string
from liquid.template import BoundTemplate
from liquid.undefined import Undefined

from journeys.model.unions import closest_match

TAGS: Final = frozenset({
    "if", "unless", "case", "for", "break", "continue", "assign", "capture", "cycle", "comment",
    "raw", "#",
})  # fmt: skip
"""The tags that templates may use. None of them reads a file or changes anything outside."""

NIL_FILTERS: Final = frozenset({"default", "size"})
"""Filters that accept a value that is missing or empty."""


class TemplateError(Exception):
    """A template that cannot be parsed, or rendered with these values; the text says why.

    `variable` is the variable that is missing, null or empty. `line` counts from 1 in the template.
    """

    def __init__(
        self, message: str, *, variable: str | None = None, line: int | None = None
    ) -> None:
        super().__init__(message)
        self.variable = variable
        self.line = line


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that a template reads: its path, and the first line that reads it."""

    path: tuple[str | int, ...]
    """The path up to a computed index."""
    text: str
    line: int

    @property
    def root(self) -> str:
        """The first name of the path: `contact`, `entry` or another."""
        return str(self.path[0])


def render(text: str, variables: Mapping[str, Any], *, html: bool = False) -> str:
    """The text with its variables filled in; with `html`, values are escaped.

    Raises TemplateError if the template is not valid, or a value is missing.
    """
    template = _parsed(text, html)
    values = {name: _without_empty(value) for name, value in variables.items()}
    try:
        return template.render(**values)
    except TemplateError:
        raise
    except LiquidError as error:
        raise _readable(error, text, "the template fails") from error
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise TemplateError(f"the template fails: {error}") from error


def variables_of(text: str) -> list[Variable]:
    """The variables that a template reads, in the order of their lines.

    Raises TemplateError if the text is not a valid template.
    """
    analysis = _parsed(text, False).analyze(include_partials=False)
    found: dict[str, Variable] = {}
    for uses in analysis.globals.values():
        for use in uses:
            path: list[str | int] = []
            for segment in use.segments:
                if isinstance(segment, list):
                    break
                path.append(segment)
            if not path:
                continue
            line = _line(text, use.span.index)
            known = found.get(str(use))
            if known is None or line < known.line:
                found[str(use)] = Variable(path=tuple(path), text=str(use), line=line)
    return sorted(found.values(), key=lambda variable: (variable.line, variable.text))


def check(text: str) -> None:
    """Raises TemplateError if the syntax, a tag or a filter of the text is not valid."""
    _parsed(text, False)


class _StrictNode(OutputNode):
    """`{{ … }}` that fails instead of printing an empty value."""

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = _printed(self.expression, context, _line(self.token.source, self.token.start_index))
        return buffer.write(to_liquid_string(value, context.autoescape))


class _StrictOutput(Output):
    node_class = _StrictNode


class _Liquid(Environment):
    block_nesting_limit = 30
    context_depth_limit = 30
    loop_iteration_limit = 10_000
    local_namespace_limit = 2_000_000
    output_stream_limit = 2_000_000

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        self.add_tag(_StrictOutput)
        self.add_filter("join", _join)
        for name in set(self.tags) - {_StrictOutput.name, Literal.name, Illegal.name} - TAGS:
            del self.tags[name]


@lru_cache(maxsize=1024)
def _parsed(text: str, html: bool) -> BoundTemplate:
    try:
        template = (_HTML if html else _PLAIN).from_string(text)
    except LiquidError as error:
        raise _readable(error, text) from error
    for name, uses in template.analyze(include_partials=False).filters.items():
        if name not in _PLAIN.filters:
            raise _unknown("filter", name, list(_PLAIN.filters), _line(text, uses[0].index))
    return template


def _printed(expression: Any, context: RenderContext, line: int) -> object:
    if not isinstance(expression, FilteredExpression):
        return expression.evaluate(context)
    filters = expression.filters or []
    value = expression.left.evaluate(context)
    if _empty(value) and not any(each.name in NIL_FILTERS for each in filters):
        raise _nothing(expression.left, line)
    explicit = False
    for each in filters:
        if each.name == "default":
            explicit = all(isinstance(argument.value, StringLiteral) for argument in each.args)
        else:
            for argument in each.args:
                if isinstance(argument.value, Path) and _empty(argument.value.evaluate(context)):
                    raise _nothing(argument.value, line)
        value = each.evaluate(value, context)
    # `default: ""` prints nothing on purpose.
    if _empty(value) and not explicit:
        raise _nothing(expression.left, line)
    return [part for part in value if not _empty(part)] if isinstance(value, list) else value


@with_environment
def _join(value: object, *separator: object, environment: Environment) -> object:
    present = [part for part in value if not _empty(part)] if isinstance(value, list) else value
    return join(present, *separator, environment=environment)


def _nothing(expression: object, line: int) -> TemplateError:
    name = str(expression)
    return TemplateError(
        f"`{name}` is missing or empty; give it a value, or write {{{{ {name} | default: '…' }}}}",
        variable=name,
        line=line,
    )


def _empty(value: object) -> bool:
    if value is None or isinstance(value, Undefined):
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, list | dict | tuple) and not value


def _without_empty(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, Mapping):
        return {name: _without_empty(part) for name, part in value.items()} or None
    if isinstance(value, list | tuple):
        return [_without_empty(part) for part in value] or None
    return value


def _line(text: str, index: int) -> int:
    return text.count("\n", 0, max(index, 0)) + 1


def _readable(
    error: LiquidError, text: str, opening: str = "the template can't be read"
) -> TemplateError:
    token = error.token
    line = _line(text, token.start_index) if token is not None else None
    message = str(error.message or "")
    for begins in ("unexpected tag '", "unknown tag '"):
        if message.startswith(begins):
            word = message.removeprefix(begins).split("'")[0]
            return _unknown("tag", word, sorted(TAGS), line)
    return TemplateError(f"{opening}: {message}", line=line)


def _unknown(kind: str, word: str, known: list[str], line: int | None) -> TemplateError:
    near = closest_match(word, known)
    hint = f"; did you mean `{near}`?" if near else ""
    return TemplateError(f"there is no {kind} `{word}`{hint}", line=line)


_PLAIN: Final = _Liquid()
_HTML: Final = _Liquid(autoescape=True)
