"""The Journey workflow: one contact's passage through one version of a journey.

It decides *when*: it walks the program, waits at waits and deferred sends, and calls activities for
everything else. Activities are named, not imported, so that nothing they use enters the sandbox.
"""

# No `from __future__ import annotations`: the sandbox loads this module again for every run, and
# annotations that are text would be evaluated each time.
import asyncio
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy, SearchAttributeKey
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from journeys.protocol.channels import SEND_KINDS, SEND_QUEUES
    from journeys.protocol.deferrals import deferral_words, retry_words, until_words
    from journeys.protocol.names import QUEUE, WAKE, WORKFLOW, journey_of
    from journeys.protocol.payloads import (
        CarriedState,
        FinishInput,
        Following,
        JourneyInput,
        JourneyResult,
        StepInput,
        StepResult,
        TakenVersion,
        Wake,
    )
    from journeys.protocol.program import ROUTING, Cursor, Node, advance, begin, divert

JOURNEY_STEP = SearchAttributeKey.for_keyword("JourneyStep")
JOURNEY_VERSION = SearchAttributeKey.for_keyword("JourneyVersion")

Result = TypeVar("Result", StepResult, TakenVersion)

# Short database work. It is tried three times within the workflow task. Then the same activity is
# called as a remote one, whose retries add no events while Postgres is away.
_LOCAL_TIMEOUT = timedelta(seconds=2)
_LOCAL_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=3)
_REMOTE_TIMEOUT = timedelta(seconds=30)
_REMOTE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
)

# A send has no schedule-to-close timeout, because a long queue is no failure. Its retries end some
# time after the first attempt, which Postgres keeps.
SEND_TIMEOUT = timedelta(seconds=30)
_SEND_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60)
)

_FAIRNESS_KEY = 64
"""Bytes of a fairness key, at most; keys of journeys are ASCII."""


@workflow.defn(name=WORKFLOW)
class Journey:
    """One run. Its result is its outcome; everything else about it is in Postgres."""

    @workflow.init
    def __init__(self, request: JourneyInput) -> None:
        self._request = request
        self._program = request.program
        self._state = request.state
        self._cursor: Cursor = request.state.cursor or begin(request.program)

    @workflow.signal(name=WAKE)
    def wake(self, signal: Wake) -> None:
        """Note that something may have happened; activities find out in Postgres what it was."""
        if signal.visit == 0:
            self._state.look = True
            return
        # While a send is under way, the wait of the next visit may be planned with its record.
        ahead = 0 if self._state.standing else 1
        if self._cursor.visit <= signal.visit <= self._cursor.visit + ahead:
            self._state.woken = max(self._state.woken, signal.visit)

    @workflow.run
    async def run(self, request: JourneyInput) -> JourneyResult:
        """Walk the program to its end."""
        try:
            result = await self._walk()
            self._show_end(result.outcome, result.reason)
            return result
        except BaseException as error:
            if is_cancelled_exception(error):
                await asyncio.shield(self._close("removed", "cancelled"))
                self._show_end("removed", "cancelled")
            raise

    async def _walk(self) -> JourneyResult:
        planned: StepResult | None = None
        while True:
            node = None if self._cursor.node is None else self._program.nodes[self._cursor.node]
            if node is None:
                result = planned or await self._close(self._state.ending, None)
            else:
                if not self._state.standing:
                    self._cursor.visit += 1
                self._state.standing = False
                result = await self._visit(node, planned)
            if result.moved:
                result = await self._take_version()
            if result.ended:
                return result.ended
            if result.exit_rule is not None:
                self._cursor = divert(self._program, self._cursor, result.exit_rule)
                planned = None
                continue
            if result.outcome is None or node is None:
                raise ApplicationError("no_outcome", type="no_outcome", non_retryable=True)
            if node.kind == "exit" and result.outcome == "exited":
                self._state.ending = "exited"
            self._cursor = advance(self._program, self._cursor, result.outcome, result.way)
            planned = result.following
            if workflow.info().is_continue_as_new_suggested():
                # What was planned or decided ahead is asked for again, which changes nothing.
                await self._continue_as_new()

    async def _visit(self, node: Node, planned: StepResult | None) -> StepResult:
        if node.kind == "wait":
            return await self._wait(node, planned)
        if node.kind in SEND_KINDS:
            return await self._send(node)
        if node.kind == "split":
            return await self._split(node)
        return planned or await self._decide(node.kind, self._step_input(node), node.summary)

    async def _wait(self, node: Node, planned: StepResult | None) -> StepResult:
        result = planned or await self._decide("plan_wait", self._step_input(node), node.summary)
        while _is_waiting(result):
            timer_fired = await self._wait_for_wake(node, node.summary, result.due)
            due = result.due if timer_fired else None
            after = self._routing_after(node)
            result = await self._decide(
                "close_wait",
                self._step_input(node, due=due, following=self._next_visit(after)),
                node.summary if after is None else f"{node.summary}, then {after.summary}",
            )
        return result

    async def _split(self, node: Node) -> StepResult:
        due: datetime | None = None
        while True:
            result = await self._decide("split", self._step_input(node, due=due), node.summary)
            if not _is_waiting(result):
                return result
            summary = f"{node.summary}: {result.held}"
            due = result.due if await self._wait_for_wake(node, summary, result.due) else None

    async def _send(self, node: Node) -> StepResult:
        due: datetime | None = None
        while True:
            self._show(
                f"Sends **{node.id}** (visit {self._cursor.visit}): {node.summary}.\n\n"
                f"Since {self._now():%Y-%m-%d %H:%M:%S} UTC."
            )
            try:
                result: StepResult = await workflow.execute_activity(
                    "send",
                    self._step_input(node, due=due, following=self._following(node)),
                    result_type=StepResult,
                    task_queue=SEND_QUEUES[node.kind],
                    start_to_close_timeout=SEND_TIMEOUT,
                    retry_policy=_SEND_RETRY,
                    priority=Priority(
                        priority_key=node.priority,
                        fairness_key=journey_of(workflow.info().workflow_id)[:_FAIRNESS_KEY],
                    ),
                    # A claimed send is never abandoned: the run ends after it is recorded.
                    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                    summary=node.summary,
                )
            except ActivityError:
                _stop_if_cancelled()
                raise
            _stop_if_cancelled()
            if not _is_waiting(result):
                return result
            reason = f"{node.summary}: {_deferral(result)}"
            timer_fired = await self._wait_for_wake(node, node.summary, result.due, words=reason)
            due = result.due if timer_fired else None

    def _following(self, node: Node) -> Following | None:
        if node.next is None:
            return Following(visit=self._cursor.visit + 1, step=None)
        after = self._program.nodes[node.next]
        return self._next_visit(after) if after.kind == "wait" else None

    def _routing_after(self, node: Node) -> Node | None:
        """The step after a wait, if it can be decided with the end of the wait."""
        after = None if node.next is None else self._program.nodes[node.next]
        return after if after is not None and after.kind in ROUTING else None

    def _next_visit(self, after: Node | None) -> Following | None:
        return None if after is None else Following(visit=self._cursor.visit + 1, step=after.id)

    async def _wait_for_wake(
        self, node: Node, summary: str, due: datetime | None, words: str | None = None
    ) -> bool:
        """Wait for a wake of this visit or of the exits, or until `due`; True if it is due.

        `words`: what operators read, unless it is the summary with `due`.
        """
        visit = self._cursor.visit
        self._state.standing = True
        if workflow.info().is_continue_as_new_suggested():
            await self._continue_as_new()
        if self._state.woken != visit:
            self._state.woken = 0
        if self._state.shown != node.id:
            workflow.upsert_search_attributes([JOURNEY_STEP.value_set(node.id)])
            self._state.shown = node.id
        until = f", until {due:%Y-%m-%d %H:%M:%S} UTC" if due else ", until it is woken"
        self._show(
            f"Stands at **{node.id}** (visit {visit}): {words or summary + until}.\n\n"
            f"Since {self._now():%Y-%m-%d %H:%M:%S} UTC."
        )

        def woken() -> bool:
            return self._state.look or self._state.woken == visit

        timer_fired = False
        if due is None:
            await workflow.wait_condition(woken)
        else:
            remaining = max(due - self._now(), timedelta(0))
            try:
                await workflow.wait_condition(
                    woken, timeout=remaining, timeout_summary=words or summary
                )
            except TimeoutError:
                timer_fired = True
        self._state.standing = False
        self._state.woken = 0
        self._state.look = False
        return timer_fired

    async def _close(self, outcome: str, reason: str | None) -> StepResult:
        request = FinishInput(
            run_id=self._request.run_id,
            visit=self._cursor.visit,
            outcome=outcome,
            reason=reason,
            now=self._now(),
            moves=self._state.moves,
        )
        return await self._decide("finish", request, f"end: {reason or outcome}")

    async def _take_version(self) -> StepResult:
        """Continue as new with the program of the version that the run was moved to.

        Returns only if the run has ended meanwhile.
        """
        node = None if self._cursor.node is None else self._program.nodes[self._cursor.node]
        taken = await self._local(
            "take_version",
            StepInput(
                run_id=self._request.run_id,
                visit=self._cursor.visit,
                step="" if node is None else node.id,
                now=self._now(),
                moves=self._state.moves,
            ),
            "take another version",
            TakenVersion,
        )
        if taken.ended is None:
            version = JOURNEY_VERSION.value_set(str(taken.version))
            workflow.upsert_search_attributes([version])
            await workflow.wait_condition(workflow.all_handlers_finished)
            # No wake needs to be kept, because the continued run begins with a check.
            state = CarriedState(
                cursor=taken.cursor,
                standing=taken.standing,
                shown=self._state.shown,
                moves=taken.moves,
            )
            workflow.continue_as_new(
                self._request.model_copy(update={"program": taken.program, "state": state})
            )
        return StepResult(ended=taken.ended)

    async def _decide(
        self, activity: str, request: StepInput | FinishInput, summary: str
    ) -> StepResult:
        return await self._local(activity, request, summary, StepResult)

    async def _local(
        self,
        activity: str,
        request: StepInput | FinishInput,
        summary: str,
        result_type: type[Result],
    ) -> Result:
        try:
            result: Result = await workflow.execute_local_activity(
                activity,
                request,
                result_type=result_type,
                start_to_close_timeout=_LOCAL_TIMEOUT,
                retry_policy=_LOCAL_RETRY,
                summary=summary,
            )
        except FailureError as error:
            if is_cancelled_exception(error) or _is_final(error):
                raise
            result = await workflow.execute_activity(
                activity,
                request,
                result_type=result_type,
                task_queue=QUEUE,
                start_to_close_timeout=_REMOTE_TIMEOUT,
                retry_policy=_REMOTE_RETRY,
                summary=summary,
            )
        return result

    async def _continue_as_new(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._state.cursor = self._cursor
        workflow.continue_as_new(self._request.model_copy(update={"state": self._state}))

    def _step_input(
        self, node: Node, *, due: datetime | None = None, following: Following | None = None
    ) -> StepInput:
        return StepInput(
            run_id=self._request.run_id,
            visit=self._cursor.visit,
            step=node.id,
            now=self._now(),
            due=due,
            following=following,
            moves=self._state.moves,
        )

    def _now(self) -> datetime:
        return workflow.now() + timedelta(seconds=self._request.offset)

    def _show(self, words: str) -> None:
        # What was said at the start is lost when a run goes on in another execution.
        page = f"\n\n[Run]({self._request.page})" if self._request.page else ""
        workflow.set_current_details(words + page)

    def _show_end(self, outcome: str, reason: str | None) -> None:
        because = f": {reason}" if reason else ""
        self._show(f"Ended as **{outcome}**{because}.")


def _deferral(result: StepResult) -> str:
    if result.attempts:
        end = "skipped as late" if result.late else "given up" if result.gives_up else None
        return retry_words(result.attempts, result.code, result.due, end=end)
    return f"{deferral_words(result.held)}, {until_words(result.due, late=result.late)}"


def _is_waiting(result: StepResult) -> bool:
    return not (
        result.outcome is not None or result.exit_rule is not None or result.ended or result.moved
    )


def _is_final(error: FailureError) -> bool:
    # Errors of local activities arrive as they are; only timeouts are inside an ActivityError.
    raised = error.cause if isinstance(error, ActivityError) else error
    return isinstance(raised, ApplicationError) and raised.non_retryable


def _stop_if_cancelled() -> None:
    """Raise the cancellation that came during a send, which its result or failure has hidden.

    A failed attempt of a cancelled activity is not retried, and is no failure of the run.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
