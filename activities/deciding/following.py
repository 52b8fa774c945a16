"""What follows a step with any outcome, done by the activity of that step."""

from __future__ import annotations

from typing import Any

import structlog
from psycopg import AsyncConnection

from activities.context import Context
from activities.deciding.decisions import decide_routing
from journeys.protocol.payloads import StepInput, StepResult
from store.sql import DATABASE_AWAY

log = structlog.get_logger(__name__)


def following_request(request: StepInput) -> StepInput:
    """The request for what follows: the input of the activity that would do it alone."""
    assert request.following is not None
    assert request.following.step is not None
    return StepInput(
        run_id=request.run_id,
        visit=request.following.visit,
        step=request.following.step,
        now=request.now,
        moves=request.moves,
    )


async def with_routing(
    conn: AsyncConnection[Any], context: Context, request: StepInput, result: StepResult
) -> StepResult:
    """Add the decision of the step that follows to the result of a wait that has ended.

    The end of the wait is committed, and stays if the decision fails. Then the workflow asks for
    the decision by an activity of its own.
    """
    if result.outcome is None or request.following is None:
        return result
    try:
        following = await decide_routing(conn, context, following_request(request))
    except DATABASE_AWAY:
        raise
    except Exception:
        log.exception("following_failed", run_id=str(request.run_id))
        return result
    return result.model_copy(update={"following": following})
