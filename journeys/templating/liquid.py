"""Liquid templates over JSON values: `contact`, `entry`, `steps`, links.

Missing, null and empty values are the same: for conditions, loops, `default` and `size` they are
nil. Printing one is an error that names the variable, so that no message says "Hello ,". Templates
cannot read files, and the work and the size of rendering are bounded (`budget`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final
from zoneinfo import ZoneInfo

from liquid import Environment
from liquid.ast import Node
from liquid.builtin.content import Literal
from liquid.builtin.illegal import Illegal
from liquid.builtin.tags.for_tag import BreakNode, ContinueNode, ForNode
from liquid.exceptions import LiquidError
from liquid.template import BoundTemplate

from journeys.model.unions import closest_match
from journeys.templating.budget import Budget
from journeys.templating.context import Buffer, Context, line_of
from journeys.templating.expressions import Invalid
from journeys.templating.failures import TemplateError, TemplateLimit
from journeys.templating.filters import FILTERS, Surroundings
from journeys.templating.printed_attributes import printed_attributes
from journeys.templating.tags import TAGS as OWN_TAGS
from journeys.templating.tags import Print

__all__ = [
    "Budget",
    "Moment",
    "TemplateError",
    "TemplateLimit",
    "attributes_printed",
    "check",
    "render",
    "variables_of",
]

TAGS: Final = frozenset({
    "if", "unless", "case", "for", "break", "continue", "assign", "capture", "cycle", "comment",
    "raw", "#",
})  # fmt: skip
"""The tags that templates may use. None of them reads a file or changes anything outside."""

_KEPT: Final = 1024


@dataclass(frozen=True, slots=True)
class Moment:
    """When a message is composed, and the zone in which its dates are printed."""

    now: datetime
    zone: ZoneInfo


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


def render(
    text: str,
    variables: Mapping[str, Any],
    moment: Moment | None = None,
    *,
    html: bool = False,
    budget: Budget | None = None,
) -> str:
    """The text with its variables filled in; with `html`, values are escaped.

    `moment` is by default now, in UTC. The budget is what is left of the message's. Raises
    TemplateError if the template is not valid or a value is missing, TemplateLimit if it takes more
    than the budget.
    """
    if "{{" not in text and "{%" not in text:
        return text
    moment = moment or Moment(datetime.now(UTC), ZoneInfo("UTC"))
    budget = budget or Budget()
    template = _parsed(text, html, budget)
    surroundings = Surroundings(moment.now, moment.zone, html, budget)
    buffer = Buffer(budget)
    try:
        context = Context(template, globals=dict(variables), surroundings=surroundings)
        template.render_with_context(context, buffer)
    except LiquidError as error:
        raise _readable(error, "the template fails") from error
    except RecursionError:
        raise TemplateLimit from None
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise TemplateError("the template can't use these values") from error
    return buffer.getvalue()


def variables_of(text: str) -> list[Variable]:
    """The variables that a template reads, in the order of their lines.

    Raises TemplateError if the text is not a valid template.
    """
    analysis = _parsed(text, False).analyze(include_partials=False)
    ends = [place for place, sign in enumerate(text) if sign == "\n"]
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
            line = bisect_left(ends, use.span.index) + 1
            known = found.get(str(use))
            if known is None or line < known.line:
                found[str(use)] = Variable(path=tuple(path), text=str(use), line=line)
    return sorted(found.values(), key=lambda variable: (variable.line, variable.text))


def attributes_printed(text: str) -> list[str]:
    """The attributes of the contact that a template prints without a default, as paths.

    Raises TemplateError if the text is not a valid template.
    """
    return printed_attributes(_parsed(text, False))


def check(text: str) -> None:
    """Raises TemplateError if the syntax, a tag, a filter or its arguments are not valid."""
    _parsed(text, False)


class _Liquid(Environment):
    block_nesting_limit = 30
    context_depth_limit = 40

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for tag in OWN_TAGS:
            self.add_tag(tag)
        for name in set(self.tags) - {Print.name, Literal.name, Illegal.name} - TAGS:
            del self.tags[name]
        # Expressions look filters up in FILTERS.
        self.filters = dict.fromkeys(FILTERS)  # type: ignore[assignment]


class _Templates:
    """The templates that were parsed last, by text and kind."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[tuple[str, bool], BoundTemplate] = {}

    def get(self, key: tuple[str, bool]) -> BoundTemplate | None:
        with self._lock:
            template = self._kept.pop(key, None)
            if template is not None:
                self._kept[key] = template
            return template

    def keep(self, key: tuple[str, bool], template: BoundTemplate) -> None:
        with self._lock:
            self._kept[key] = template
            if len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]


def _parsed(text: str, html: bool, budget: Budget | None = None) -> BoundTemplate:
    known = _TEMPLATES.get((text, html))
    if known is not None:
        return known
    if budget is not None:
        budget.parse(text)
    try:
        template = (_HTML if html else _PLAIN).from_string(text)
        _check_breaks(template.nodes)
    except Invalid as error:
        raise error.failure from None
    except LiquidError as error:
        if isinstance(error.__cause__, RecursionError):
            raise TemplateError("the template can't be read: it is nested too deeply") from None
        raise _readable(error) from error
    except RecursionError:
        raise TemplateError("the template can't be read: it is nested too deeply") from None
    _TEMPLATES.keep((text, html), template)
    return template


def _check_breaks(nodes: list[Node]) -> None:
    """Raises TemplateError for a `break` or `continue` that is in no loop."""
    for node in nodes:
        if isinstance(node, BreakNode | ContinueNode):
            word = "break" if isinstance(node, BreakNode) else "continue"
            line = line_of(node.token)
            raise TemplateError(f"`{word}` stands outside of any `for`", line=line)
        if not isinstance(node, ForNode):
            _check_breaks(list(node.children(None)))  # type: ignore[arg-type]
        elif node.default is not None:
            _check_breaks([node.default])


def _readable(error: LiquidError, opening: str = "the template can't be read") -> TemplateError:
    token = error.token
    line = line_of(token) if token is not None else None
    message = str(error.message or "")
    for begins in ("unexpected tag '", "unknown tag '"):
        if message.startswith(begins):
            word = message.removeprefix(begins).split("'")[0]
            if word == "render":
                words = "`render` is for template documents: put this text into one"
                return TemplateError(words, line=line)
            return _unknown("tag", word, sorted(TAGS), line)
    return TemplateError(f"{opening}: {message}", line=line)


def _unknown(kind: str, word: str, known: list[str], line: int | None) -> TemplateError:
    near = closest_match(word, known)
    hint = f"; did you mean `{near}`?" if near else ""
    return TemplateError(f"there is no {kind} `{word}`{hint}", line=line)


_PLAIN: Final = _Liquid()
_HTML: Final = _Liquid(autoescape=True)
_TEMPLATES: Final = _Templates()
