"""The sends that a run comes to next, by the program of its version."""

from __future__ import annotations

from dataclasses import dataclass

from journeys.model.journey import Journey
from journeys.model.steps import WaitStep
from journeys.model.waits import ForWait, UntilWait
from journeys.protocol.channels import SEND_KINDS, ChannelName
from journeys.protocol.program import Program

_ENDED_BY_TIME = ("elapsed", "timed_out")
_ASKS = ("branch", "split")


@dataclass(frozen=True, slots=True)
class NextSend:
    """A send that a run may come to without waiting again."""

    step: str
    channel: ChannelName
    certain: bool
    """Whether every run comes to it then, if nothing happens before: no event ends the wait, and no
    branch, split, `if` or jump stands before the send."""


def sends_after(program: Program, journey: Journey, step: str | None) -> list[NextSend]:
    """The sends that follow on a wait that time ends, up to the next wait, each once.

    `step`: the wait; None for the beginning of the journey. Branches are judged later, so the sends
    of all their ways are among them.
    """
    places = {node.id: number for number, node in enumerate(program.nodes)}
    if step is None:
        left = [(program.start, True)]
    elif step not in places:
        return []
    else:
        node = program.nodes[places[step]]
        ways = [node.arrows[each] for each in _ENDED_BY_TIME if each in node.arrows]
        if node.kind == "split":
            left = [(each, False) for each in (*node.arrows.values(), node.next)]
        else:
            left = [(each, _ends_by_time_alone(journey, step)) for each in ways or [node.next]]
    found: dict[int, NextSend] = {}
    seen: set[tuple[int, bool]] = set()
    while left:
        number, certain = left.pop(0)
        if number is None or (number, certain) in seen:
            continue
        seen.add((number, certain))
        node = program.nodes[number]
        if node.kind in ("wait", "exit"):
            continue
        conditional = journey.step(node.id).if_ is not None
        if node.kind in SEND_KINDS:
            known = found.get(number)
            sure = certain and not conditional
            channel: ChannelName = node.kind  # type: ignore[assignment]
            if known is None or (sure and not known.certain):
                found[number] = NextSend(node.id, channel, sure)
        onward = certain and node.kind not in _ASKS and node.kind != "goto"
        left += [(each, onward) for each in {*node.arrows.values(), node.next}]
    return [found[number] for number in sorted(found)]


def _ends_by_time_alone(journey: Journey, step: str) -> bool:
    """Whether no event ends the wait, so that its time is known."""
    waiting = journey.step(step)
    if not isinstance(waiting, WaitStep):
        return False
    wait = waiting.wait
    return isinstance(wait, UntilWait) or (isinstance(wait, ForWait) and wait.after is None)
