"""Spans of traces, where a process follows them; nothing where it does not.

A process that follows traces sets its tracer once, when it starts. Without one a span costs a
comparison. Spans carry ids, names of parts and codes: nothing about a contact.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

_LONGEST: Final = 55
"""Characters of a `traceparent` of W3C Trace Context, version 00."""


class Span(Protocol):
    """A part of a trace."""

    def rename(self, name: str) -> None:
        """Give it another name."""

    def note(self, name: str, value: str | int) -> None:
        """Note a fact that names no person."""


class Tracer(Protocol):
    """What makes spans."""

    def span(self, name: str, parent: str | None) -> AbstractContextManager[Span]:
        """A span, current while its context lasts; `parent`: a `traceparent`."""

    def current(self) -> str | None:
        """The `traceparent` of the current span, if it is recorded."""


class _NoSpan:
    def rename(self, name: str) -> None:
        pass

    def note(self, name: str, value: str | int) -> None:
        pass


_NOTHING: Final = nullcontext(_NoSpan())
_tracers: list[Tracer] = []


def follow_traces(tracer: Tracer | None) -> None:
    """Follow traces with this tracer from now on; None: follow none."""
    _tracers[:] = [] if tracer is None else [tracer]


def traces_are_followed() -> bool:
    """Whether this process follows traces."""
    return bool(_tracers)


def span(name: str, parent: str | None = None) -> AbstractContextManager[Span]:
    """A span under the current one, or under `parent`, a `traceparent` that came from elsewhere."""
    return _tracers[0].span(name, parent) if _tracers else _NOTHING


def current_trace() -> str | None:
    """The `traceparent` of the current span; None if there is none, or it is not recorded."""
    return _tracers[0].current() if _tracers else None


def continued(parent: str | None, name: str) -> AbstractContextManager[Span]:
    """A span that goes on with a trace that came from elsewhere; nothing without one."""
    return span(name, parent) if parent else _NOTHING


def is_traceparent(text: str) -> bool:
    """Whether it has the length of one; the tracer reads the rest."""
    return len(text) == _LONGEST
