"""The attributes of contacts that a template prints and has no default for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from liquid import RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.case_tag import CaseNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode
from liquid.expression import Expression
from liquid.template import BoundTemplate

from journeys.templating.expressions import Filtered

_NOWHERE: RenderContext = None  # type: ignore[assignment]
"""Children of these nodes do not depend on a context: no template is loaded."""


def printed_attributes(template: BoundTemplate) -> list[str]:
    """The paths of attributes whose absence fails the message, in the order of the template.

    What stands in an `if`, `unless` or `case` that looks at the attribute is left out.
    """
    found: dict[str, None] = {}
    _visit(template.nodes, frozenset(), {}, found)
    return list(found)


def _visit(
    nodes: Iterable[Node], asked: frozenset[str], names: dict[str, str], found: dict[str, None]
) -> None:
    for node in nodes:
        if isinstance(node, AssignNode):
            attribute = _attribute(node.expression, {})
            names.pop(str(node.name), None)
            if attribute is not None:
                names[str(node.name)] = attribute
        elif isinstance(node, OutputNode):
            attribute = _attribute(node.expression, names)
            if attribute is not None and attribute not in asked:
                found[attribute] = None
        elif isinstance(node, IfNode | UnlessNode | CaseNode):
            looked_at = {attribute for path in _paths(node) if (attribute := _of(path, names))}
            _visit(node.children(_NOWHERE), asked | looked_at, names, found)
        else:
            _visit(node.children(_NOWHERE), asked, names, found)


def _attribute(expression: object, names: dict[str, str]) -> str | None:
    if not isinstance(expression, Filtered) or not isinstance(expression.left, Path):
        return None
    if any(each.name in ("default", "json", "size") for each in expression.filters or []):
        return None
    return _of(expression.left, names)


def _of(path: Path, names: dict[str, str]) -> str | None:
    parts = [part for part in path.path if isinstance(part, str | int)]
    if len(parts) != len(path.path) or not parts:
        return None
    if len(parts) == 1:
        return names.get(str(parts[0]))
    return ".".join(map(str, parts[1:])) if parts[0] == "contact" else None


def _paths(node: Node) -> Iterator[Path]:
    waiting: list[Expression] = list(node.expressions())
    for child in node.children(_NOWHERE):
        # The conditions of `elsif` and `when` are those of the blocks inside.
        waiting += child.expressions()
    while waiting:
        expression = waiting.pop()
        if isinstance(expression, Path):
            yield expression
        waiting += expression.children()
