"""Tags of templates: those of python-liquid with the expressions of this language."""

from __future__ import annotations

from typing import Any, TextIO

from liquid import RenderContext
from liquid.ast import BlockNode, ConditionalBlockNode, Node
from liquid.builtin.expressions import Path
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.assign_tag import AssignNode, AssignTag
from liquid.builtin.tags.case_tag import CaseNode, CaseTag, MultiExpressionBlockNode
from liquid.builtin.tags.cycle_tag import CycleNode, CycleTag
from liquid.builtin.tags.for_tag import ForLoop, ForNode, ForTag
from liquid.builtin.tags.if_tag import IfNode, IfTag
from liquid.builtin.tags.unless_tag import UnlessNode, UnlessTag
from liquid.exceptions import BreakLoop, ContinueLoop
from liquid.tag import Tag

from journeys.templating.comparisons import AnyOf, condition
from journeys.templating.context import Context
from journeys.templating.expressions import Filtered, nothing, printed
from journeys.templating.loops import Loop, operand
from journeys.templating.values import is_empty


class _PrintNode(OutputNode):
    """`{{ … }}` that fails instead of printing an empty value, a list or an object."""

    __slots__ = ()

    def __init__(self, token: Any, expression: Any) -> None:
        super().__init__(token, Filtered.of(expression))

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(context, Context)
        assert isinstance(self.expression, Filtered)
        return buffer.write(self.expression.shown(context))


class Print(Output):
    """The parser of `{{ … }}`."""

    node_class = _PrintNode


class _AssignNode(AssignNode):
    __slots__ = ()

    def __init__(self, token: Any, *, name: Any, expression: Any) -> None:
        super().__init__(token, name=name, expression=Filtered.of(expression))


class Assign(AssignTag):
    """The parser of `assign`."""

    node_class = _AssignNode


class _IfNode(IfNode):
    __slots__ = ()

    def __init__(
        self,
        token: Any,
        condition: Any,
        consequence: BlockNode,
        alternatives: list[ConditionalBlockNode],
        default: BlockNode | None,
    ) -> None:
        super().__init__(token, _own(condition), consequence, _owned(alternatives), default)


class If(IfTag):
    """The parser of `if`."""

    node_class = _IfNode


class _UnlessNode(UnlessNode):
    __slots__ = ()

    def __init__(
        self,
        token: Any,
        condition: Any,
        consequence: BlockNode,
        alternatives: list[ConditionalBlockNode] | None = None,
        default: BlockNode | None = None,
    ) -> None:
        super().__init__(token, _own(condition), consequence, _owned(alternatives or []), default)


class Unless(UnlessTag):
    """The parser of `unless`."""

    node_class = _UnlessNode


class _CaseNode(CaseNode):
    __slots__ = ()

    def __init__(self, token: Any, expression: Any, blocks: list[Any]) -> None:
        left = operand(expression)
        for block in blocks:
            if isinstance(block, MultiExpressionBlockNode):
                values = [operand(each) for each in block.expression.expressions]
                block.expression = AnyOf(left, values)  # type: ignore[assignment]
        super().__init__(token, left, blocks)


class Case(CaseTag):
    """The parser of `case`."""

    node_class = _CaseNode


class _CycleNode(CycleNode):
    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(context, Context)
        context.budget.spend(len(self.args))
        group = ", ".join(map(str, self.args))
        if self.group is not None:
            group = f"{self.group.evaluate(context)}:"
        chosen = self.args[context.cycle(group, len(self.args))]
        shown = chosen.evaluate(context)
        if is_empty(shown):
            if isinstance(chosen, Path):
                raise nothing(chosen)
            return 0
        return buffer.write(printed(shown, chosen, context))


class Cycle(CycleTag):
    """The parser of `cycle`."""

    node_class = _CycleNode


class _ForNode(ForNode):
    """A loop whose turns are counted."""

    __slots__ = ("turn",)

    def __init__(
        self, token: Any, expression: Any, block: BlockNode, default: BlockNode | None = None
    ) -> None:
        loop = Loop.of(expression)
        loop.iterable = operand(loop.iterable)
        super().__init__(token, loop, block, default)
        self.turn = 2 + _nodes(block)

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        assert isinstance(context, Context)
        assert isinstance(self.expression, Loop)
        elements = self.expression.elements(context)
        length = (
            max(elements.stop - elements.start, 0) if isinstance(elements, range) else len(elements)
        )
        if isinstance(elements, range) and elements.step < 0:
            length = max(elements.start - elements.stop, 0)
        if not length:
            return self.default.render(context, buffer) if self.default else 0
        name = self.expression.identifier
        loop = ForLoop(
            name=f"{name}-{self.expression.iterable}",
            it=iter(elements),
            length=length,
            parentloop=context.parentloop(),
        )
        namespace: dict[str, object] = {"forloop": loop, name: None}
        count = 0
        with context.loop(namespace, loop):
            for element in loop:
                context.budget.spend(self.turn)
                namespace[name] = element
                try:
                    count += self.block.render(context, buffer)
                except ContinueLoop:
                    continue
                except BreakLoop:
                    break
        return count


class For(ForTag):
    """The parser of `for`."""

    node_class = _ForNode


TAGS: tuple[type[Tag], ...] = (Print, Assign, If, Unless, Case, Cycle, For)
"""The tags that are not those of python-liquid."""


def _own(expression: Any) -> Any:
    return condition(expression)


def _owned(alternatives: list[ConditionalBlockNode]) -> list[ConditionalBlockNode]:
    for each in alternatives:
        each.expression = condition(each.expression)
    return alternatives


def _nodes(node: Node) -> int:
    """How many nodes are in a block, without those of its own loops."""
    count = 0
    for child in node.children(None):  # type: ignore[arg-type]
        count += 1 if isinstance(child, _ForNode) else 1 + _nodes(child)
    return count
