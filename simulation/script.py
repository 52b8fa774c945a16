"""Parsing of the input of a simulation: a contact document and a script of events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast, get_args
from zoneinfo import ZoneInfo

from api.http.times import parse_time
from api.tracking.items import Envelope, ItemRefused, parse_item
from journeys.model.arms import Score, contenders
from journeys.model.journey import Journey
from journeys.model.steps import SendStep, SplitStep, WebhookStep
from journeys.model.well_known_events import STATUS_EVENTS, ConsentState
from journeys.protocol.message_status import MessageStatus
from journeys.time.durations import Duration
from journeys.time.zones import zone_of
from simulation.errors import SimulationRefused
from simulation.recording_channels import SendResult, WebhookAnswer
from store.events.items import Item

_IDENTIFY = frozenset({
    "type", "userId", "anonymousId", "traits", "context", "messageId", "timestamp", "sentAt",
    "originalTimestamp", "receivedAt", "integrations", "channel", "version",
})  # fmt: skip
_EXTRA = frozenset({"groups", "topics", "events", "coupons"})
_SEND_RESULTS: tuple[str, ...] = get_args(SendResult)


@dataclass(frozen=True)
class TrackingCall:
    """A tracking call at a given time."""

    at: datetime
    raw: dict[str, Any]
    place: str

    def item(self) -> Item:
        """The item for ingest. Raises SimulationRefused naming the place in the document."""
        try:
            return parse_item(self.raw, None, Envelope(received_at=self.at, operate=True))
        except ItemRefused as refused:
            raise SimulationRefused(f"{self.place}: {refused}") from None


@dataclass(frozen=True)
class Start:
    """A start of a run, as by the API, at a given time."""

    at: datetime
    properties: dict[str, Any]
    place: str


@dataclass(frozen=True)
class ScriptedSend:
    """The result of the next send of a step."""

    step: str
    result: SendResult


@dataclass(frozen=True)
class ScriptedAnswer:
    """The answer to the next call of a webhook step."""

    step: str
    answer: WebhookAnswer


@dataclass(frozen=True)
class ScriptedScores:
    """The scores of the arms of a split, as if other contacts had taken them."""

    step: str
    scores: tuple[Score, ...]


ScriptedResponse = ScriptedSend | ScriptedAnswer | ScriptedScores


@dataclass(frozen=True)
class Moment:
    """What the script says for one instant: actions in order, and responses from then on."""

    at: datetime
    responses: tuple[ScriptedResponse, ...] = ()
    actions: tuple[TrackingCall | Start, ...] = ()


@dataclass(frozen=True)
class ScriptedContact:
    """The contact of a scenario, as its document describes it."""

    id: str
    """The external id."""
    zone: ZoneInfo
    identify: dict[str, Any]
    history: tuple[TrackingCall, ...] = ()
    groups: tuple[str, ...] = ()
    topics: Mapping[str, ConsentState] = field(default_factory=dict)
    coupons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The codes of each pool; a pool that is not given is full."""

    def with_id(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The tracking call with the id of this contact, unless it has one."""
        named = dict(raw)
        if not named.get("userId") and not named.get("anonymousId"):
            named["userId"] = self.id
        return named


@dataclass(frozen=True)
class Scenario:
    """A contact and the moments of its script, both valid."""

    contact: ScriptedContact
    moments: tuple[Moment, ...]
    warnings: tuple[str, ...] = ()
    """What the contact document says and the simulation leaves out."""


def read_contact(document: object, journey: Journey, start: datetime) -> ScriptedContact:
    """The contact of a document. Raises SimulationRefused naming the field."""
    if not isinstance(document, dict):
        raise SimulationRefused("contact: must be an object, the body of an identify call")
    for key in document:
        if key not in _IDENTIFY | _EXTRA:
            raise SimulationRefused(
                f"contact.{key}: unknown; attributes stand in `traits`, beside it may stand"
                " `groups`, `topics`, `events`, `coupons`"
            )
    body = {key: document[key] for key in document if key in _IDENTIFY} | {"type": "identify"}
    user = body.setdefault("userId", body.get("anonymousId") or "contact")
    item = TrackingCall(start, body, "contact").item()
    if item.warnings:
        # The API would leave such a trait out. In a file it is a mistake.
        raise SimulationRefused(
            "\n".join(f"contact: {warning.message}" for warning in item.warnings)
        )
    zone = zone_of(item.traits.get("timezone") or item.defaults.get("timezone"), journey.timezone)
    contact = ScriptedContact(user, zone, body)
    history = [
        _past_event(contact, raw, start, f"contact.events.{place}")
        for place, raw in enumerate(_list(document, "events", "contact"))
    ]
    topics = _object(document, "topics", "contact")
    for topic, state in topics.items():
        if state not in get_args(ConsentState):
            raise SimulationRefused(
                f"contact.topics.{topic}: must be {', '.join(get_args(ConsentState))}"
            )
    groups = _list(document, "groups", "contact")
    if not all(isinstance(group, str) for group in groups):
        raise SimulationRefused("contact.groups: must be a list of keys")
    return ScriptedContact(
        user,
        zone,
        body,
        tuple(sorted(history, key=lambda call: call.at)),
        tuple(groups),
        cast("Mapping[str, ConsentState]", topics),
        _coupons(_object(document, "coupons", "contact")),
    )


def _coupons(given: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    for pool, codes in given.items():
        if not isinstance(codes, list) or not all(code and isinstance(code, str) for code in codes):
            raise SimulationRefused(
                f'contact.coupons.{pool}: must be a list of codes, ["A1", "A2"]'
            )
    return {pool: tuple(codes) for pool, codes in given.items()}


def _past_event(contact: ScriptedContact, raw: object, start: datetime, place: str) -> TrackingCall:
    if not isinstance(raw, dict):
        raise SimulationRefused(f"{place}: must be a track item with `at`")
    if "at" not in raw:
        raise SimulationRefused(f"{place}.at: missing; write how long before, such as -3d")
    at = _parse_at(raw["at"], contact.zone, start, f"{place}.at")
    if at > start:
        raise SimulationRefused(f"{place}.at: lies after the start; what comes then is an event")
    call = TrackingCall(at, contact.with_id(_without_at(raw, "track")), place)
    call.item()
    return call


def read_script(
    script: object, contact: ScriptedContact, journey: Journey, start: datetime
) -> list[Moment]:
    """The moments of a script, in order. Raises SimulationRefused naming the item.

    An item without a time has that of the item above it. Responses apply before the actions of
    their moment.
    """
    if not isinstance(script, list):
        raise SimulationRefused("events: must be a list")
    moments = [Moment(start)]
    for number, raw in enumerate(script):
        place = f"events.{number}"
        if not isinstance(raw, dict):
            raise SimulationRefused(f"{place}: must be an object")
        at = moments[-1].at
        if "at" in raw:
            at = _parse_at(raw["at"], contact.zone, start, f"{place}.at")
            if at < start:
                raise SimulationRefused(f"{place}.at: lies before the start")
            if at < moments[-1].at:
                raise SimulationRefused(f"{place}.at: lies before the item above; order them")
        if at > moments[-1].at:
            moments.append(Moment(at))
        read = _read_item(raw, contact, journey, at, place)
        last = moments[-1]
        if isinstance(read, TrackingCall | Start):
            moments[-1] = Moment(last.at, last.responses, (*last.actions, read))
        else:
            moments[-1] = Moment(last.at, (*last.responses, read), last.actions)
    return moments


def read_until(text: str, journey: Journey, start: datetime) -> datetime:
    """How far a simulation is to go: a time, or `+30d` from the start. Raises SimulationRefused."""
    until = _parse_at(text, zone_of(None, journey.timezone), start, "--until")
    if until < start:
        raise SimulationRefused("--until: lies before the start")
    return until


def _read_item(
    raw: dict[str, Any], contact: ScriptedContact, journey: Journey, at: datetime, place: str
) -> TrackingCall | Start | ScriptedResponse:
    if "start" in raw:
        return Start(at, _object(raw, "start", place), place)
    if "message" in raw:
        result = raw.get("is")
        step = _step(raw, "message", journey, place, SendStep)
        if result in _SEND_RESULTS:
            return ScriptedSend(step, cast("SendResult", result))
        if not isinstance(result, str) or result not in STATUS_EVENTS:
            known = ", ".join([*STATUS_EVENTS, *_SEND_RESULTS])
            raise SimulationRefused(f"{place}.is: must be one of {known}")
        more = {key: raw[key] for key in raw if key not in ("at", "message", "is")}
        track = {
            "type": "track",
            "event": STATUS_EVENTS[cast("MessageStatus", result)],
            "properties": {**more, "step": step},
        }
        return TrackingCall(at, contact.with_id(track), place)
    if "answer" in raw:
        step = _step(raw, "step", journey, place, WebhookStep)
        answer = _object(raw, "answer", place)
        status = answer.get("status", 200)
        if not isinstance(status, int) or not 100 <= status <= 599:
            raise SimulationRefused(f"{place}.answer.status: must be a status such as 200")
        return ScriptedAnswer(step, WebhookAnswer(status, answer.get("body", {})))
    if "scores" in raw:
        return _scores(raw, journey, place)
    call = TrackingCall(at, contact.with_id(_without_at(raw, _kind_of(raw))), place)
    call.item()
    return call


def _scores(raw: dict[str, Any], journey: Journey, place: str) -> ScriptedScores:
    name = _step(raw, "step", journey, place, SplitStep)
    step = journey.step(name)
    assert isinstance(step, SplitStep)
    arms = contenders(step)
    given = _object(raw, "scores", place)
    if set(given) != set(arms) or not all(_is_score(each) for each in given.values()):
        example = ", ".join(f"{arm}: {{contacts: 100, won: 12}}" for arm in arms) or "none"
        raise SimulationRefused(
            f"{place}.scores: must give contacts and won for each arm with steps: {example}"
        )
    return ScriptedScores(
        name, tuple(Score(arm, given[arm]["contacts"], given[arm]["won"]) for arm in arms)
    )


def _is_score(value: object) -> bool:
    if not isinstance(value, dict) or set(value) != {"contacts", "won"}:
        return False
    contacts, won = value["contacts"], value["won"]
    counts = all(isinstance(each, int) and not isinstance(each, bool) for each in (contacts, won))
    return counts and 0 <= won <= contacts


def _kind_of(raw: Mapping[str, Any]) -> str:
    return "identify" if "traits" in raw and "event" not in raw else "track"


def _without_at(raw: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {"type": kind, **{key: value for key, value in raw.items() if key != "at"}}


def _step(raw: Mapping[str, Any], key: str, journey: Journey, place: str, kind: Any) -> str:
    name = raw.get(key)
    try:
        step = journey.step(name) if isinstance(name, str) else None
    except KeyError:
        step = None
    if step is None or not isinstance(step, kind):
        fitting = [each.id for each in journey.all_steps() if isinstance(each, kind)]
        raise SimulationRefused(
            f"{place}.{key}: {name!r} is no such step of `{journey.key}`;"
            f" there are: {', '.join(fitting) or 'none'}"
        )
    return step.id


def _parse_at(value: object, zone: ZoneInfo, start: datetime, place: str) -> datetime:
    if isinstance(value, str) and value[:1] in ("+", "-"):
        try:
            return Duration.parse(value, signed=True).add_to(start, zone)
        except (ValueError, OverflowError) as error:
            raise SimulationRefused(f"{place}: {error}") from None
    try:
        return parse_time(value)
    except ValueError as error:
        raise SimulationRefused(f"{place}: {error}; or from the start, such as +2h") from None


def _object(given: Mapping[str, Any], key: str, place: str) -> dict[str, Any]:
    value = given.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SimulationRefused(f"{place}.{key}: must be an object")
    return value


def _list(given: Mapping[str, Any], key: str, place: str) -> list[Any]:
    value = given.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise SimulationRefused(f"{place}.{key}: must be a list")
    return value
