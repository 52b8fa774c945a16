"""Payloads of workflows and activities: one model in, one model out.

Temporal keeps them in its histories, so they hold ids, outcomes and times, and no personal data.
Fields are only ever added.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from journeys.protocol.program import Cursor, Program


class CarriedState(BaseModel):
    """The state of a run that survives continue-as-new."""

    cursor: Cursor | None = None
    """None before the first step."""
    standing: bool = False
    """The cursor's visit has begun, and its wait or deferral is not over."""
    ending: str = "completed"
    """The outcome of the run once it has no next step; `exited` after an exit step."""
    woken: int = 0
    """The highest visit for which a wake has arrived."""
    look: bool = False
    """An exit may have fired since the run last checked."""
    shown: str = ""
    """The value of the search attribute JourneyStep."""
    moves: int = 0
    """How many migrations of the run to another version the program has followed."""


class JourneyInput(BaseModel):
    """The input of a Journey workflow, at its start and after continue-as-new."""

    run_id: UUID
    program: Program
    state: CarriedState = Field(default_factory=CarriedState)
    offset: float = 0.0
    """Seconds from the server's clock to the run's clock: a simulation may start in the past."""
    page: str | None = None
    """The URL at which operators see the run; it names no person."""


class JourneyResult(BaseModel):
    """How a run ended."""

    outcome: str
    reason: str | None = None


class Wake(BaseModel):
    """A signal that only wakes a run, at this visit; 0 if an exit may have fired."""

    visit: int = 0


class Following(BaseModel):
    """What follows a step with any outcome, done by the activity of that step.

    After a send it is a wait to plan or the end of the run, in the transaction that records the
    send. After a wait it is a step to decide that changes nothing but its visit.
    """

    visit: int
    step: str | None
    """The wait to plan, or the step to decide; None if the run ends."""


class StepInput(BaseModel):
    """The input of an activity: a run's visit to a step."""

    run_id: UUID
    visit: int
    step: str
    now: datetime
    """The run's time when the activity was scheduled."""
    due: datetime | None = None
    """Set if the timer of a wait, a split or a deferred send fired: when it was due."""
    following: Following | None = None
    moves: int = 0
    """How many migrations of the run the workflow has followed."""


class StepResult(BaseModel):
    """What an activity decided. Without an outcome the run stays at the visit."""

    outcome: str | None = None
    way: str | None = None
    """The arrow to follow if it is not the outcome's: the arm that a `winner` took."""
    due: datetime | None = None
    """When to check again if the run stays; None if only a wake is waited for."""
    held: str | None = None
    """Why a send or a split is deferred."""
    late: bool = False
    """`due` is when the send becomes too late, not when its deferral ends."""
    attempts: int = 0
    """Of a send that is deferred for a retry: how often it was tried."""
    code: str | None = None
    """Of such a send: why the last attempt did not succeed."""
    gives_up: bool = False
    """Of such a send: at `due` its retries end, and it is not tried again."""
    exit_rule: int | None = None
    """The exit rule that fired, by its index: its `then` comes next."""
    ended: JourneyResult | None = None
    """How the run ended, if it has, by this activity or otherwise."""
    following: StepResult | None = None
    """The result of the input's `following`."""
    moved: bool = False
    """The run was moved to another version: nothing was done, and it must take its new program."""


class FinishInput(BaseModel):
    """The input of the activity that ends a run."""

    run_id: UUID
    visit: int
    outcome: str
    reason: str | None = None
    now: datetime
    moves: int = 0
    """How many migrations of the run the workflow has followed."""


class TakenVersion(BaseModel):
    """The position of a run that was moved to another version, and its new program."""

    ended: JourneyResult | None = None
    """Set if the run has ended in the meantime; nothing else is set then."""
    version: int = 0
    moves: int = 0
    program: Program = Field(default_factory=Program)
    cursor: Cursor | None = None
    standing: bool = False
    """The cursor's visit has begun; otherwise the next visit begins at the cursor's node."""


class JobInput(BaseModel):
    """The input of a job's workflow. Its parameters and progress are in PostgreSQL."""

    job_id: UUID
    subject: str
    """What the job does, in a person's words: "move cart to version 4"."""


class JobPage(BaseModel):
    """The result of one page of a job."""

    state: str
    """`running` while there are more pages."""
    rest: float = 0.0
    """Seconds until the next page."""
    total: int = 0
    done: int = 0
    moved: int = 0
    kept: int = 0
    failed: int = 0
    """Runs that were set aside because of a fault; they are counted in `kept` as well."""


class JobResult(BaseModel):
    """How a job ended."""

    state: str
    done: int


class OccurrenceInput(BaseModel):
    """The input of the workflow that a journey's Schedule starts."""

    journey: str


class OccurrenceBegin(BaseModel):
    """An occurrence that has come by the Schedule of its journey."""

    journey: str
    at: datetime
    """The time that the Schedule says, which is a delayed start's as well."""


class OccurrenceBegun(BaseModel):
    """The jobs that enter contacts at an occurrence."""

    jobs: list[UUID]
    """None if nothing comes at that time, or while the journey is paused."""


class RetentionPage(BaseModel):
    """A page of the removal of old data: the input of one, and the result of the one before."""

    report_id: UUID | None = None
    """The report in PostgreSQL; None before the first page."""
    kind: str | None = None
    """The kind of data of the next page; None before the first page and after the last one."""
    after: int = 0
    """Of events: the id up to which they were looked at."""
    removed: int = 0
    """Rows that were removed so far."""
    done: bool = False


class TestMessageInput(BaseModel):
    """The input of the workflow of a test message."""

    __test__ = False
    id: UUID
    queue: str
    """The queue of its channel."""


class TestMessageResult(BaseModel):
    """What came of a test message."""

    __test__ = False
    state: str
    code: str | None = None


class SendAgainInput(BaseModel):
    """The input of the workflow that sends the message of a visit again, and of its activity."""

    job_id: UUID
    run_id: UUID
    visit: int
    queue: str
    """The queue of its channel."""
    summary: str
    """What it does, for a person: the journey and the step."""
    priority: int | None = None
    fairness: str = ""
    due: datetime | None = None
    """Set if a timer has fired: when the attempt was due."""


class SendAgainResult(BaseModel):
    """What came of an attempt: an end, or when the next one is made."""

    state: str
    """`sending` while there is another attempt."""
    code: str | None = None
    due: datetime | None = None
