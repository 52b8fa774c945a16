"""The Journey workflow: one contact's passage through one version of a journey.

It decides *when*: it walks the program, stands still at waits and holds, and asks activities for
everything else. Activities are named, not imported, so that nothing they use enters the sandbox.
"""

# Without the annotations future: the sandbox loads this module anew for every run, and annotations
# that are text would be evaluated each time.
import asyncio
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)
from temporalio.workflow import ActivityCancellationType

with workflow.unsafe.imports_passed_through():
    from journeys.protocol.channels import SEND_KINDS, SEND_QUEUES
    from journeys.protocol.deferrals import deferral_words, until_words
    from journeys.protocol.names import QUEUE, WAKE, WORKFLOW
    from journeys.protocol.payloads import (
        FinishInput,
        Following,
        JourneyInput,
        JourneyResult,
        JourneyState,
        StepInput,
        StepResult,
        TakenVersion,
        Wake,
    )
    from journeys.protocol.program import Cursor, Node, advance, begin, divert

JOURNEY_STEP = SearchAttributeKey.for_keyword("JourneyStep")
JOURNEY_VERSION = SearchAttributeKey.for_keyword("JourneyVersion")

Result = TypeVar("Result", StepResult, TakenVersion)

# Short database work. Three tries within the workflow task; then the same activity is called as a
# remote one, whose retries leave no events while Postgres is away.
_LOCAL_TIMEOUT = timedelta(seconds=2)
_LOCAL_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=3)
_REMOTE_TIMEOUT = timedelta(seconds=30)
_REMOTE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
)

# A send has no schedule-to-close timeout: a long queue is no failure. Its retries are bounded by
# the time of the first attempt, which Postgres keeps.
SEND_TIMEOUT = timedelta(seconds=30)
_SEND_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60)
)


@workflow.defn(name=WORKFLOW)
class Journey:
    """A run. Its result is its outcome; everything else about it is in Postgres."""

    @workflow.init
    def __init__(self, given: JourneyInput) -> None:
        self._given = given
        self._program = given.program
        self._state = given.state
        self._cursor: Cursor = given.state.cursor or begin(given.program)

    @workflow.signal(name=WAKE)
    def wake(self, signal: Wake) -> None:
        """Note that there may be something to see; what it is, Postgres knows."""
        if signal.visit == 0:
            self._state.look = True
            return
        # Unless the run stands, the next visit's wait may be planned, with the send that goes on.
        ahead = 0 if self._state.standing else 1
        if self._cursor.visit <= signal.visit <= self._cursor.visit + ahead:
            self._state.woken = max(self._state.woken, signal.visit)

    @workflow.run
    async def run(self, given: JourneyInput) -> JourneyResult:
        """Walk the program to its end."""
        try:
            result = await self._walk()
            _tell_end(result.outcome, result.reason)
            return result
        except BaseException as error:
            if is_cancelled_exception(error):
                await asyncio.shield(self._close("removed", "cancelled"))
                _tell_end("removed", "cancelled")
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
                # What was planned ahead is planned again: planning is idempotent.
                await self._continue_as_new()

    async def _visit(self, node: Node, planned: StepResult | None) -> StepResult:
        if node.kind == "wait":
            return await self._wait(node, planned)
        if node.kind in SEND_KINDS:
            return await self._send(node)
        if node.kind == "split":
            return await self._split(node)
        return await self._short(node.kind, self._input(node), node.summary)

    async def _wait(self, node: Node, planned: StepResult | None) -> StepResult:
        result = planned or await self._short("plan_wait", self._input(node), node.summary)
        while _stands(result):
            fired = await self._stand(node, node.summary, result.due)
            result = await self._short(
                "close_wait",
                self._input(node, due=result.due if fired else None),
                node.summary,
            )
        return result

    async def _split(self, node: Node) -> StepResult:
        due: datetime | None = None
        while True:
            result = await self._short("split", self._input(node, due=due), node.summary)
            if not _stands(result):
                return result
            summary = f"{node.summary}: {result.held}"
            due = result.due if await self._stand(node, summary, result.due) else None

    async def _send(self, node: Node) -> StepResult:
        due: datetime | None = None
        while True:
            workflow.set_current_details(
                f"Sends **{node.id}** (visit {self._cursor.visit}): {node.summary}.\n\n"
                f"Since {self._now():%Y-%m-%d %H:%M:%S} UTC."
            )
            try:
                result: StepResult = await workflow.execute_activity(
                    "send",
                    self._input(node, due=due, following=self._following(node)),
                    result_type=StepResult,
                    task_queue=SEND_QUEUES[node.kind],
                    start_to_close_timeout=SEND_TIMEOUT,
                    retry_policy=_SEND_RETRY,
                    # A claimed send is never abandoned: the run ends after it is recorded.
                    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                    summary=node.summary,
                )
            except ActivityError:
                _stop_if_cancelled()
                raise
            _stop_if_cancelled()
            if not _stands(result):
                return result
            until = until_words(result.due, late=result.late)
            held = f"{node.summary}: {deferral_words(result.held)}, {until}"
            fired = await self._stand(node, node.summary, result.due, told=held)
            due = result.due if fired else None

    def _following(self, node: Node) -> Following | None:
        visit = self._cursor.visit + 1
        if node.next is None:
            return Following(visit=visit, step=None)
        after = self._program.nodes[node.next]
        return Following(visit=visit, step=after.id) if after.kind == "wait" else None

    async def _stand(
        self, node: Node, summary: str, due: datetime | None, told: str | None = None
    ) -> bool:
        """Stand still until a wake for this visit, a look at exits, or `due`; True for `due`.

        `told`: what operators read, if it is not the summary and its `due`.
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
        workflow.set_current_details(
            f"Stands at **{node.id}** (visit {visit}): {told or summary + until}.\n\n"
            f"Since {self._now():%Y-%m-%d %H:%M:%S} UTC."
        )

        def woken() -> bool:
            return self._state.look or self._state.woken == visit

        fired = False
        if due is None:
            await workflow.wait_condition(woken)
        else:
            left = max(due - self._now(), timedelta(0))
            try:
                await workflow.wait_condition(woken, timeout=left, timeout_summary=told or summary)
            except TimeoutError:
                fired = True
        self._state.standing = False
        self._state.woken = 0
        self._state.look = False
        return fired

    async def _close(self, outcome: str, reason: str | None) -> StepResult:
        given = FinishInput(
            run_id=self._given.run_id,
            visit=self._cursor.visit,
            outcome=outcome,
            reason=reason,
            now=self._now(),
            moves=self._state.moves,
        )
        return await self._short("finish", given, f"end: {reason or outcome}")

    async def _take_version(self) -> StepResult:
        """Go on with the program of the version that the run was moved to, where it stands.

        Returns only if the run has ended meanwhile.
        """
        node = None if self._cursor.node is None else self._program.nodes[self._cursor.node]
        taken = await self._local(
            "take_version",
            StepInput(
                run_id=self._given.run_id,
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
            # Wakes need not be remembered: what goes on begins with a look.
            state = JourneyState(
                cursor=taken.cursor,
                standing=taken.standing,
                shown=self._state.shown,
                moves=taken.moves,
            )
            workflow.continue_as_new(
                self._given.model_copy(update={"program": taken.program, "state": state})
            )
        return StepResult(ended=taken.ended)

    async def _short(
        self, activity: str, given: StepInput | FinishInput, summary: str
    ) -> StepResult:
        return await self._local(activity, given, summary, StepResult)

    async def _local(
        self,
        activity: str,
        given: StepInput | FinishInput,
        summary: str,
        result_type: type[Result],
    ) -> Result:
        try:
            result: Result = await workflow.execute_local_activity(
                activity,
                given,
                result_type=result_type,
                start_to_close_timeout=_LOCAL_TIMEOUT,
                retry_policy=_LOCAL_RETRY,
                summary=summary,
            )
        except FailureError as error:
            if is_cancelled_exception(error) or _final(error):
                raise
            result = await workflow.execute_activity(
                activity,
                given,
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
        workflow.continue_as_new(self._given.model_copy(update={"state": self._state}))

    def _input(
        self, node: Node, *, due: datetime | None = None, following: Following | None = None
    ) -> StepInput:
        return StepInput(
            run_id=self._given.run_id,
            visit=self._cursor.visit,
            step=node.id,
            now=self._now(),
            due=due,
            following=following,
            moves=self._state.moves,
        )

    def _now(self) -> datetime:
        return workflow.now() + timedelta(seconds=self._given.offset)


def _tell_end(outcome: str, reason: str | None) -> None:
    because = f": {reason}" if reason else ""
    workflow.set_current_details(f"Ended as **{outcome}**{because}.")


def _stands(result: StepResult) -> bool:
    return not (
        result.outcome is not None or result.exit_rule is not None or result.ended or result.moved
    )


def _final(error: FailureError) -> bool:
    # What a local activity raises comes as it is; only its timeouts come within an ActivityError.
    raised = error.cause if isinstance(error, ActivityError) else error
    return isinstance(raised, ApplicationError) and raised.non_retryable


def _stop_if_cancelled() -> None:
    """A send that completed, or failed, swallows the cancellation that came meanwhile: raise it.

    An attempt that fails once it is asked to stop is not retried, and is no failure of the run.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
