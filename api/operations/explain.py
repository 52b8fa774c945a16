"""Route of explanations: why a contact got a message, did not, or not yet."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses, unknown
from api.http.times import Instant
from api.runs.bodies import RunDetail, run_detail
from api.services import UsedServices
from store.conditions import Part
from store.contacts.rows import find_contact, parse_reference
from store.reports.explain import Explanation, Result, UnknownStep, explain, explain_message
from store.reports.explain_attempts import Attempt, AttemptOutcome
from store.reports.explain_gates import Gate, GateName, Source

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate", reading="read"))],
)


class PartBody(BaseModel):
    """A condition, or a part of one, and whether it holds."""

    words: str
    holds: bool
    saw: dict[str, Any]
    """The values that it read."""
    parts: list[PartBody] = Field(default_factory=list)

    @classmethod
    def of(cls, part: Part) -> Self:
        """As JSON shows it."""
        return cls(
            words=part.words,
            holds=part.holds,
            saw=part.saw,
            parts=[cls.of(each) for each in part.parts],
        )


class GateBody(BaseModel):
    """One question on the way, in the engine's order, and its answer."""

    gate: GateName
    passed: bool | Literal["unknown"]
    """`unknown`: it was not asked yet, or it cannot be known."""
    at: Instant
    """When it was decided, or when the values were read."""
    source: Source
    """Whether it shows what was decided then, or what would be decided now."""
    words: str
    saw: dict[str, Any]
    """The values seen."""
    code: str | None
    """If it was not passed: the engine's code."""
    would_need: str | None
    """If it was not passed: what would have to be otherwise."""
    step: str | None
    condition: PartBody | None
    """A condition, part by part."""

    @classmethod
    def of(cls, gate: Gate) -> Self:
        """As JSON shows it."""
        return cls(
            gate=gate.gate,
            passed="unknown" if gate.passed is None else gate.passed,
            at=gate.at,
            source=gate.source,
            words=gate.words,
            saw=gate.saw,
            code=gate.code,
            would_need=gate.would_need,
            step=gate.step,
            condition=None if gate.part is None else PartBody.of(gate.part),
        )


class AttemptBody(BaseModel):
    """An event that might have begun a run, or a refused start, and its outcome."""

    at: Instant
    event: int | None
    name: str | None
    became: AttemptOutcome
    """What came of it."""
    code: str | None
    run: UUID | None
    words: str

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """As JSON shows it."""
        return cls(
            at=attempt.at,
            event=attempt.event_id,
            name=attempt.name,
            became=attempt.became,
            code=attempt.code,
            run=attempt.run,
            words=attempt.words,
        )


class WaitingBody(BaseModel):
    """What is waited for, and until when."""

    reason: str
    """`event`, `time`, `winner`, `date`, `schedule`, `dispatch`, `workflow`, `queue`, `send`, or
    why a send is deferred."""
    words: str
    until: Instant | None
    """When time ends it; null: only what it waits for does."""
    step: str | None
    details: dict[str, Any]


class LinkBody(BaseModel):
    """One thing that led to a message, or to where a run stands."""

    at: Instant
    local: str
    """The contact's local time, with its zone."""
    what: str
    """`event`, `entry`, `visit`, `attempt` or `status`."""
    step: str | None
    words: str


class OtherMessageBody(BaseModel):
    """Another message of the contact from the same step, or with the same content."""

    message: UUID
    journey: str
    step: str
    run: UUID
    visit: int
    channel: str
    state: str
    at: Instant
    words: str
    """Why there are two."""


class ExplanationBody(BaseModel):
    """Why a contact got a message, did not, or not yet."""

    contact: str
    journey: str
    state: str
    """The journey's state."""
    version: int | None
    step: str | None
    at: Instant
    """As of when it is asked."""
    result: Result
    reason: str | None
    """The code of the gate that decided; null if all were passed."""
    answer: str
    """The same in a sentence."""
    gates: list[GateBody]
    attempts: list[AttemptBody]
    """Events that might have begun a run, and refused starts, the newest first."""
    waiting: WaitingBody | None
    run: RunDetail | None
    """The run that is asked about; null if there was none."""
    chain: list[LinkBody]
    """What led to where the run stands, or to the message, in order."""
    others: list[OtherMessageBody]
    """Of a message: others like it."""


@router.get(
    "/explain",
    summary="Explain why a contact got a message, did not, or not yet",
    responses=responses(400, 404, 422),
)
async def get_explanation(
    services: UsedServices,
    contact: Annotated[str | None, Query(min_length=1, max_length=500)] = None,
    journey: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    step: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    at: Annotated[Instant | None, Query(description="What began later is left out.")] = None,
    message: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=64,
            description="A message, instead of a contact and a journey: why it went out then.",
        ),
    ] = None,
) -> ExplanationBody:
    """Every gate on the way, in order, with the values seen and what would have to change."""
    if message is not None:
        if contact or journey or step or at:
            raise Problem(
                400,
                "invalid_query",
                "`message` stands alone: give it, or a contact and a journey",
            )
        return await _of_message(services, message)
    if contact is None or journey is None:
        raise Problem(400, "invalid_query", "give `contact` and `journey`, or a `message`")
    async with services.pool.connection() as conn:
        contact_id = await find_contact(conn, contact)
        if contact_id is None:
            raise unknown("contact", contact)
        try:
            found = await explain(
                conn,
                services.catalog,
                contact=contact_id,
                name=contact,
                journey=journey,
                step=step,
                at=at,
                speed=services.speed,
            )
        except UnknownStep as error:
            raise Problem(404, "unknown_step", str(error)) from None
    if found is None:
        raise unknown("journey", journey)
    return _body(found)


async def _of_message(services: UsedServices, message: str) -> ExplanationBody:
    message_id = parse_reference(message)
    found = None
    if message_id is not None:
        async with services.pool.connection() as conn:
            found = await explain_message(conn, services.catalog, message_id, speed=services.speed)
    if found is None:
        raise unknown("message", message)
    return _body(found)


def _body(found: Explanation) -> ExplanationBody:
    return ExplanationBody(
        contact=found.contact,
        journey=found.journey,
        state=found.state,
        version=found.version,
        step=found.step,
        at=found.at,
        result=found.result,
        reason=found.reason,
        answer=found.answer,
        gates=[GateBody.of(each) for each in found.gates],
        attempts=[AttemptBody.of(each) for each in found.attempts],
        waiting=None
        if found.waiting is None
        else WaitingBody.model_validate(found.waiting, from_attributes=True),
        run=None if found.run is None else RunDetail.model_validate(run_detail(found.run)),
        chain=[LinkBody.model_validate(each, from_attributes=True) for each in found.chain],
        others=[
            OtherMessageBody.model_validate(each, from_attributes=True) for each in found.others
        ],
    )
