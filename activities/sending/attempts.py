"""One attempt at a send: what earlier ones left and decided, and the end of its visit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from psycopg import AsyncConnection

from activities.failures import retryable_error
from journeys.model.reasons import SkipReason
from journeys.model.sends import EffectiveSend
from journeys.model.steps import SendStep
from journeys.protocol.channels import CHANNELS
from journeys.protocol.payloads import StepInput, StepResult
from store.messages.claims import mark_claim_unknown, record_skip
from store.messages.send_state import PreviousAttempt
from store.runs.rows import RunRow
from store.waits.listeners import remove_listeners
from store.waits.send_times import SendTerms

log = structlog.get_logger(__name__)

ATTEMPT = timedelta(seconds=30)
"""The longest that one attempt can last: start-to-close of a send. After it, a claim whose result
was not recorded is `unknown`."""

RetriesEnd = Callable[[datetime], datetime]
"""From the time of the first attempt, the time from which the message is not tried again."""


@dataclass(frozen=True)
class SendAttempt:
    """An attempt at a visit: its request, what earlier attempts left, and the time."""

    request: StepInput
    previous: PreviousAttempt
    start: datetime
    """When the run came to the visit."""
    now: datetime
    facts: dict[str, Any]
    """The visit's facts that are kept from one check of its time to the next."""


def begin_attempt(request: StepInput, run: RunRow, previous: PreviousAttempt) -> SendAttempt:
    """The attempt that `request` asks for."""
    # The run came to the visit when its workflow asked; the time in the queue counts.
    start = previous.started_at or min(request.now, run.now)
    # Temporal's clock may be ahead of the database's, so a timer that has fired counts as due.
    now = run.now if request.due is None else max(run.now, request.due)
    best = (previous.facts or {}).get("best")
    return SendAttempt(request, previous, start, now, {} if best is None else {"best": best})


async def decided_before(
    conn: AsyncConnection[Any],
    attempt: SendAttempt,
    step: SendStep,
    settings: EffectiveSend,
    ending: RetriesEnd,
) -> StepResult | None:
    """What earlier attempts decided; None if the message may be claimed."""
    request, previous = attempt.request, attempt.previous
    if previous.outcome is not None:
        return StepResult(outcome=previous.outcome)
    if previous.state is None:
        return None
    state, code = previous.state, previous.code
    if state == "claimed":
        assert previous.claim_age is not None
        remaining = ATTEMPT - previous.claim_age
        if remaining > timedelta(0):
            log.info("claim_held", seconds=remaining.total_seconds())
            raise retryable_error("claim_held", remaining + timedelta(milliseconds=100))
        await mark_claim_unknown(conn, run_id=request.run_id, visit=request.visit)
        state, code = "unknown", "interrupted"
    if state == "sent":
        return await end_send(conn, attempt, step, CHANNELS[step.kind].sent_outcome, {})
    if state == "refused":
        return await end_send(conn, attempt, step, "failed", {})
    if state == "released" or settings.on_unknown == "resend":
        assert previous.first_attempt_at is not None
        # A send that was deferred since for another reason is tried once more, at any age.
        deferred = previous.held not in (None, "retry")
        if deferred or attempt.now < ending(previous.first_attempt_at):
            return None
    facts: dict[str, Any] = {
        "reason": "not_taken" if state == "released" else code or "interrupted"
    }
    if state == "released" or settings.on_unknown == "resend":
        facts |= {"code": code, "attempts": previous.attempts}
    outcome = "failed" if state == "released" else "unknown"
    return await end_send(conn, attempt, step, outcome, facts)


def still_retrying(
    previous: PreviousAttempt, due: datetime, terms: SendTerms, ending: RetriesEnd
) -> StepResult:
    """The result of a send that a wake reached before the time of its next attempt."""
    late = due == terms.deadline
    facts = previous.facts or {}
    first = previous.first_attempt_at
    return StepResult(
        held="retry",
        due=due,
        late=late,
        attempts=previous.attempts or facts.get("faults") or 0,
        code=previous.code if previous.attempts else facts.get("fault"),
        gives_up=not late and first is not None and due >= ending(first),
    )


async def skip_send(
    conn: AsyncConnection[Any],
    attempt: SendAttempt,
    step: SendStep,
    reason: SkipReason,
    facts: dict[str, Any] | None = None,
) -> StepResult:
    """Skip the send; one that may have gone out before is `unknown` instead."""
    outcome = "unknown" if attempt.previous.state in ("claimed", "unknown") else "skipped"
    return await end_send(conn, attempt, step, outcome, {**(facts or {}), "reason": reason})


async def end_send(
    conn: AsyncConnection[Any],
    attempt: SendAttempt,
    step: SendStep,
    outcome: str,
    facts: dict[str, Any],
) -> StepResult:
    """End the visit without a call; an outcome that it has already stays."""
    request = attempt.request
    recorded = await record_skip(
        conn,
        run_id=request.run_id,
        visit=request.visit,
        step=request.step,
        kind=step.kind,
        outcome=outcome,
        facts=facts,
        started=attempt.start,
    )
    await stop_watching(conn, attempt)
    return StepResult(outcome=recorded)


async def stop_watching(conn: AsyncConnection[Any], attempt: SendAttempt) -> None:
    """Remove the listeners of a deferral that is over."""
    if attempt.previous.held is not None:
        await remove_listeners(conn, attempt.request.run_id, attempt.request.visit)
