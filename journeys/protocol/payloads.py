"""What the Journey workflow and its activities say to each other: one model in, one model out.

These are the payloads of Temporal's history, so they hold ids, outcomes and times, never anything
about the contact. Fields are only added.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from journeys.protocol.program import Cursor, Program


class JourneyState(BaseModel):
    """All that survives continue-as-new."""

    cursor: Cursor | None = None
    """None before the first step."""
    standing: bool = False
    """The cursor's visit has begun and its wait or hold goes on."""
    ending: str = "completed"
    """The outcome that the end of the line brings: `exited` behind an exit step."""
    woken: int = 0
    """The highest visit a wake has come for."""
    look: bool = False
    """An exit may have fired since the run last looked."""
    shown: str = ""
    """The value of the search attribute JourneyStep."""
    moves: int = 0
    """How many of the run's moves to another version the program has followed."""


class JourneyInput(BaseModel):
    """Begins a Journey workflow, or continues it as new."""

    run_id: UUID
    program: Program
    state: JourneyState = Field(default_factory=JourneyState)
    offset: float = 0.0
    """Seconds from the server's clock to the run's: a simulation may start in the past."""


class JourneyResult(BaseModel):
    """How the run ended."""

    outcome: str
    reason: str | None = None


class Wake(BaseModel):
    """A signal that only wakes. `visit` 0: an exit may have fired."""

    visit: int = 0


class Following(BaseModel):
    """What comes right after a send, whatever its outcome, in the transaction of its record."""

    visit: int
    step: str | None
    """The wait to plan; None: the run ends."""


class StepInput(BaseModel):
    """A visit to a step."""

    run_id: UUID
    visit: int
    step: str
    now: datetime
    """The run's time when the activity was scheduled."""
    due: datetime | None = None
    """Looking at a wait, a split or a held send because its timer fired: when it was due."""
    following: Following | None = None
    moves: int = 0
    """How many of the run's moves the workflow has followed."""


class StepResult(BaseModel):
    """What an activity decided. Without an outcome the run stands still at the visit."""

    outcome: str | None = None
    way: str | None = None
    """The arrow to follow where it is not the outcome's: the arm that a `winner` took."""
    due: datetime | None = None
    """Standing still: when to look again; None waits for a wake alone."""
    held: str | None = None
    """Why a send, or a split, stands still."""
    late: bool = False
    """`due` is when the send is too late, and not when its hold is over."""
    exit_rule: int | None = None
    """This exit rule fired: its `then` comes next."""
    ended: JourneyResult | None = None
    """The run has ended, here or elsewhere."""
    following: StepResult | None = None
    """The result of what was asked to come right after."""
    moved: bool = False
    """The run was moved to another version: nothing was done, and its program is to be taken."""


class FinishInput(BaseModel):
    """The end of a run."""

    run_id: UUID
    visit: int
    outcome: str
    reason: str | None = None
    now: datetime
    moves: int = 0
    """How many of the run's moves the workflow has followed."""


class TakenVersion(BaseModel):
    """Where a run that was moved stands, and the program it goes on with."""

    ended: JourneyResult | None = None
    """The run has ended meanwhile; nothing else is set then."""
    version: int = 0
    moves: int = 0
    program: Program = Field(default_factory=Program)
    cursor: Cursor | None = None
    standing: bool = False
    """The cursor's visit has begun; else the next one begins at the cursor's node."""


class JobInput(BaseModel):
    """Begins a job's workflow. What it does, and how far it has come, is in Postgres."""

    job_id: UUID
    subject: str
    """What it does, in a person's words: "moves cart to version 4"."""


class JobPage(BaseModel):
    """What a page of a job came to."""

    state: str
    """`running` while there is more to do."""
    rest: float = 0.0
    """Seconds until the next page."""
    total: int = 0
    done: int = 0
    moved: int = 0
    kept: int = 0


class JobResult(BaseModel):
    """How a job ended."""

    state: str
    done: int
