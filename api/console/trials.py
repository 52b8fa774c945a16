"""Route of trials: a journey as its text says it, played on a simulated clock. Nothing is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, model_validator

from api.console.trial_contacts import contact_document, sampled_documents
from api.http.bodies import FolderRoute
from api.http.keys import UsedKey, requires_one_of
from api.http.problems import Problem, responses, unknown
from api.http.strict_models import StrictBody
from api.http.times import Instant
from api.services import Services, UsedServices
from journeys.source.yaml_reader import LONGEST_TEXT
from store.contacts.finding import has_segment
from store.contacts.rows import find_contact
from store.definitions.sources import Source, sources_named_in

router = APIRouter(
    prefix="/v1/simulate",
    tags=["console"],
    route_class=FolderRoute,
    dependencies=[Depends(requires_one_of("read", "edit"))],
)

LARGEST: Final = 4 * 1024 * 1024
"""Characters of the server's documents that are played with a journey."""
MOST_CONTACTS: Final = 200
MOST_EVENTS: Final = 500


class TrialFile(StrictBody):
    """The text of one document or several."""

    filename: str = Field(max_length=200)
    source: str = Field(max_length=LONGEST_TEXT)


class Sample(StrictBody):
    """Contacts of the database: what happens to each is counted, and not shown."""

    segment: str | None = Field(default=None, max_length=64)
    """Members of this segment; by default any contacts."""
    size: int = Field(default=50, ge=1, le=MOST_CONTACTS)


class Trial(StrictBody):
    """What is played. Give one of `contact`, `person` and `sample`."""

    journey: str = Field(min_length=1, max_length=64)
    """The key of the journey whose timeline is shown."""
    files: list[TrialFile] = Field(default_factory=list, max_length=100)
    """Documents as they are being written. They take the place of those of the server; without
    them the journey is played as it is live, else as it was saved last."""
    contact: str | None = Field(default=None, min_length=1, max_length=255)
    """A contact of the database, by its id or external id: with its attributes, topics, groups and
    latest events. It needs a key that reads."""
    person: dict[str, Any] | None = None
    """An invented contact, as `parcours simulate --contact` takes it."""
    sample: Sample | None = None
    events: list[dict[str, Any]] = Field(default_factory=list, max_length=MOST_EVENTS)
    """What happens, in order, as `parcours simulate --events` takes it."""
    start: Instant | None = None
    """By default now."""
    until: str | None = Field(default=None, min_length=1, max_length=40)
    """A time, or `+30d` from the start. By default to the end of the runs that begin."""

    @model_validator(mode="after")
    def _one_of_three(self) -> Trial:
        given = sum(each is not None for each in (self.contact, self.person, self.sample))
        if given != 1:
            raise ValueError("give one of contact, person and sample")
        return self


class TrialLine(BaseModel):
    """What happened at one time, as `parcours simulate --json` prints it."""

    at: Instant
    local: str
    """The same instant on the contact's clock."""
    step: str | None
    kind: str
    """The kind of the step; or `entry`, `goal`, `end`, `refused`."""
    outcome: str | None
    facts: dict[str, Any]
    """Of a message: its recipient, subject, text and HTML. Of a branch: what it saw."""
    run: int
    """From 1; 0 for an entry that was refused."""


class TrialCoverage(BaseModel):
    """Which outcomes of a step were reached."""

    step: str
    kind: str
    reached: list[str]
    missed: list[str]
    never: dict[str, str]
    """Outcomes of its kind that this step cannot have, each with the reason."""


class StepCounts(BaseModel):
    """What a step did to the contacts of a sample."""

    id: str
    kind: str
    reached: int
    outcomes: dict[str, int]
    skipped: dict[str, int]
    """Skipped sends by their reason."""
    messages: int


class TrialCounts(BaseModel):
    """What happened to a sample of contacts."""

    kind: Literal["summary"]
    journey: str
    contacts: int
    entered: int
    """Runs that began; a contact may have several, or none."""
    refused: dict[str, int]
    steps: list[StepCounts]
    ends: dict[str, int]
    """Runs by their outcome."""
    standing: dict[str, int]
    """Runs that still wait, by step."""


class PlayedTrial(BaseModel):
    """What happened."""

    timeline: list[TrialLine]
    """Of one contact; empty for a sample."""
    coverage: list[TrialCoverage]
    summary: TrialCounts | None
    """Of a sample."""
    warnings: list[str]
    person: dict[str, Any] | None
    """The contact as it was played; null for a sample."""


@router.post("", summary="Play a journey on a simulated clock", responses=responses(404, 422))
async def simulate(trial: Trial, services: UsedServices, key: UsedKey) -> PlayedTrial:
    """Play a journey for one contact or a sample, months in seconds, on servers of its own: what
    the engine would do, and every message as it would look. Nothing is sent and nothing is saved.

    One trial is played at a time; 503 `busy` if several wait.
    """
    if trial.person is None and not key.includes("read"):
        raise Problem(403, "forbidden", "a contact of the database needs a key of scope read")
    start = (trial.start or datetime.now(UTC)).replace(microsecond=0)
    contacts, stored = await _gathered(services, trial, start)
    texts = [each.source for each in trial.files] + [text for _, _, text in stored]
    for contact in contacts:
        _leave_out_topics(contact, texts)
    answer = await services.player.play(
        {
            "given": [(each.filename, each.source) for each in trial.files],
            "stored": stored,
            "journey": trial.journey,
            "contacts": contacts,
            "together": trial.sample is not None,
            "events": trial.events,
            "start": start,
            "until": trial.until,
        }
    )
    person = contacts[0] if trial.sample is None else None
    return PlayedTrial.model_validate({**answer, "person": person})


async def _gathered(
    services: Services, trial: Trial, start: datetime
) -> tuple[list[dict[str, Any]], list[Source]]:
    """The contacts, and the documents of the server that the trial may need."""
    # What is recorded in this very second has been recorded.
    until = datetime.now(UTC) if trial.start is None else start
    async with services.pool.connection() as conn:
        if trial.person is not None:
            contacts = [trial.person]
        elif trial.contact is not None:
            found = await find_contact(conn, trial.contact)
            if found is None:
                raise unknown("contact", trial.contact)
            contacts = [await contact_document(conn, found, start, until)]
        else:
            assert trial.sample is not None
            segment = trial.sample.segment
            if segment is not None and not await has_segment(conn, segment):
                raise unknown("segment", segment)
            contacts = await sampled_documents(conn, segment, trial.sample.size, start, until)
            if not contacts:
                raise Problem(422, "no_contacts", "there is no contact to play it for")
        texts = [trial.journey, *(each.source for each in trial.files)]
        stored = await sources_named_in(conn, texts, LARGEST)
    if stored is None:
        raise Problem(
            422, "too_large", "the journey uses more documents than can be played together"
        )
    if not trial.files and ("journey", trial.journey) not in {each[:2] for each in stored}:
        raise unknown("journey", trial.journey)
    return contacts, stored


def _leave_out_topics(contact: dict[str, Any], texts: list[str]) -> None:
    """Leave out the topics that no document names: they change nothing."""
    topics = contact.get("topics")
    if isinstance(topics, dict):
        contact["topics"] = {
            topic: state for topic, state in topics.items() if any(topic in each for each in texts)
        }
