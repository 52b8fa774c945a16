"""Waiting for what a test expects, never for time to pass."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

LOOK_EVERY = 0.02
PATIENCE = 0.1
"""Of the time waited so far until the next look: what takes long is looked at less often."""


@overload
async def eventually(
    look: Callable[[], Awaitable[T]],
    timeout: float = ...,
    *,
    every: float = ...,
    what: str = ...,
) -> T: ...


@overload
async def eventually(
    look: Callable[[], T], timeout: float = ..., *, every: float = ..., what: str = ...
) -> T: ...


async def eventually(
    look: Callable[[], Any], timeout: float = 10.0, *, every: float = LOOK_EVERY, what: str = ""
) -> Any:
    """Look again and again until the answer is truthy, and return it.

    `look` may be plain or a coroutine function; an AssertionError of it counts as "not yet",
    so that it may hold the asserts themselves and return True.

    Args:
        timeout: seconds until the test fails, with the last answer or assertion.
        every: seconds between looks at first; more where a look is dear.
        what: said in the failure.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    until = begun + timeout
    while True:
        failure: AssertionError | None = None
        answer: Any = None
        try:
            looked = look()
            answer = await looked if inspect.isawaitable(looked) else looked
        except AssertionError as error:
            failure = error
        if failure is None and answer:
            return answer
        if loop.time() > until:
            raise AssertionError(
                f"not within {timeout:g} s: {what or 'the condition'} (last seen: {answer!r})"
            ) from failure
        waited = loop.time() - begun
        await _next_look(loop, max(every, min(waited * PATIENCE, 0.5)))


def _next_look(loop: asyncio.AbstractEventLoop, every: float) -> asyncio.Future[None]:
    turn: asyncio.Future[None] = loop.create_future()

    def come() -> None:
        if not turn.done():
            turn.set_result(None)

    loop.call_later(every, come)
    return turn
