"""What a simulation is given: a contact, and what happens to it in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast, get_args
from zoneinfo import ZoneInfo

from api.http.times import parse_time
from api.tracking.items import Envelope, ItemRefused, parse_item
from journeys.model.journey import Journey
from journeys.model.steps import EmailStep, SmsStep, WebhookStep
from journeys.model.well_known_events import STATUS_EVENTS, ConsentState
from journeys.protocol.message_status import MessageStatus
from journeys.time.durations import Duration
from journeys.time.zones import zone_of
from simulation.errors import SimulationRefused
from simulation.recording_channels import Fate, WebhookAnswer
from store.events.items import Item

_IDENTIFY = frozenset({
    "type", "userId", "anonymousId", "traits", "context", "messageId", "timestamp", "sentAt",
    "originalTimestamp", "receivedAt", "integrations", "channel", "version",
})  # fmt: skip
_BESIDE = frozenset({"groups", "topics", "events", "coupons"})
_FATES: tuple[str, ...] = get_args(Fate)


@dataclass(frozen=True)
class Call:
    """A tracking call at a moment."""

    at: datetime
    raw: dict[str, Any]
    place: str

    def item(self) -> Item:
        """As ingest takes it. Raises SimulationRefused naming the place."""
        try:
            return parse_item(self.raw, None, Envelope(received_at=self.at, operate=True))
        except ItemRefused as refused:
            raise SimulationRefused(f"{self.place}: {refused}") from None


@dataclass(frozen=True)
class Start:
    """A start by hand at a moment."""

    at: datetime
    properties: dict[str, Any]
    place: str


@dataclass(frozen=True)
class SendGoes:
    """How the next send of a step goes."""

    step: str
    fate: Fate


@dataclass(frozen=True)
class WebhookSays:
    """What the next call of a webhook is answered."""

    step: str
    answer: WebhookAnswer


Setting = SendGoes | WebhookSays


@dataclass(frozen=True)
class Scene:
    """What happens at one moment, in order, and how the outside answers from then on."""

    at: datetime
    settings: tuple[Setting, ...] = ()
    acts: tuple[Call | Start, ...] = ()


@dataclass(frozen=True)
class Person:
    """The contact of a simulation, before it begins."""

    id: str
    """What start and tracking calls name it by."""
    zone: ZoneInfo
    identify: dict[str, Any]
    history: tuple[Call, ...] = ()
    groups: tuple[str, ...] = ()
    topics: Mapping[str, ConsentState] = field(default_factory=dict)
    coupons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By pool, the codes it holds; a pool that is not named is full."""

    def named(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """A tracking call that names this contact unless it names one."""
        named = dict(raw)
        if not named.get("userId") and not named.get("anonymousId"):
            named["userId"] = self.id
        return named


@dataclass(frozen=True)
class Scenario:
    """A contact and what happens to it, checked."""

    person: Person
    scenes: tuple[Scene, ...]


def read_person(given: object, journey: Journey, start: datetime) -> Person:
    """The contact of a document. Raises SimulationRefused naming the field."""
    if not isinstance(given, dict):
        raise SimulationRefused("contact: must be an object, the body of an identify call")
    for key in given:
        if key not in _IDENTIFY | _BESIDE:
            raise SimulationRefused(
                f"contact.{key}: unknown; attributes stand in `traits`, beside it may stand"
                " `groups`, `topics`, `events`, `coupons`"
            )
    body = {key: given[key] for key in given if key in _IDENTIFY} | {"type": "identify"}
    user = body.setdefault("userId", body.get("anonymousId") or "contact")
    item = Call(start, body, "contact").item()
    zone = zone_of(item.traits.get("timezone") or item.defaults.get("timezone"), journey.timezone)
    person = Person(user, zone, body)
    history = [
        _history(person, raw, start, f"contact.events.{place}")
        for place, raw in enumerate(_list(given, "events", "contact"))
    ]
    topics = _object(given, "topics", "contact")
    for topic, state in topics.items():
        if state not in get_args(ConsentState):
            raise SimulationRefused(
                f"contact.topics.{topic}: must be {', '.join(get_args(ConsentState))}"
            )
    groups = _list(given, "groups", "contact")
    if not all(isinstance(group, str) for group in groups):
        raise SimulationRefused("contact.groups: must be a list of keys")
    return Person(
        user,
        zone,
        body,
        tuple(sorted(history, key=lambda call: call.at)),
        tuple(groups),
        cast("Mapping[str, ConsentState]", topics),
        _coupons(_object(given, "coupons", "contact")),
    )


def _coupons(given: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    for pool, codes in given.items():
        if not isinstance(codes, list) or not all(code and isinstance(code, str) for code in codes):
            raise SimulationRefused(
                f'contact.coupons.{pool}: must be a list of codes, ["A1", "A2"]'
            )
    return {pool: tuple(codes) for pool, codes in given.items()}


def _history(person: Person, raw: object, start: datetime, place: str) -> Call:
    if not isinstance(raw, dict):
        raise SimulationRefused(f"{place}: must be a track item with `at`")
    if "at" not in raw:
        raise SimulationRefused(f"{place}.at: missing; write how long before, such as -3d")
    at = _moment(raw["at"], person.zone, start, f"{place}.at")
    if at > start:
        raise SimulationRefused(f"{place}.at: lies after the start; what comes then is an event")
    call = Call(at, person.named(_without_at(raw, "track")), place)
    call.item()
    return call


def read_script(given: object, person: Person, journey: Journey, start: datetime) -> list[Scene]:
    """The scenes of a document, in order. Raises SimulationRefused naming the item.

    A setting without a time holds from the moment of the item before it, which it precedes.
    """
    if not isinstance(given, list):
        raise SimulationRefused("events: must be a list")
    scenes = [Scene(start)]
    for number, raw in enumerate(given):
        place = f"events.{number}"
        if not isinstance(raw, dict):
            raise SimulationRefused(f"{place}: must be an object")
        at = scenes[-1].at
        if "at" in raw:
            at = _moment(raw["at"], person.zone, start, f"{place}.at")
            if at < start:
                raise SimulationRefused(f"{place}.at: lies before the start")
            if at < scenes[-1].at:
                raise SimulationRefused(f"{place}.at: lies before the item above; order them")
        if at > scenes[-1].at:
            scenes.append(Scene(at))
        read = _read_item(raw, person, journey, at, place)
        last = scenes[-1]
        if isinstance(read, Call | Start):
            scenes[-1] = Scene(last.at, last.settings, (*last.acts, read))
        else:
            scenes[-1] = Scene(last.at, (*last.settings, read), last.acts)
    return scenes


def _read_item(
    raw: dict[str, Any], person: Person, journey: Journey, at: datetime, place: str
) -> Call | Start | Setting:
    if "start" in raw:
        return Start(at, _object(raw, "start", place), place)
    if "message" in raw:
        fate = raw.get("is")
        step = _step(raw, "message", journey, place, EmailStep | SmsStep | WebhookStep)
        if fate in _FATES:
            return SendGoes(step, cast("Fate", fate))
        if not isinstance(fate, str) or fate not in STATUS_EVENTS:
            known = ", ".join([*STATUS_EVENTS, *_FATES])
            raise SimulationRefused(f"{place}.is: must be one of {known}")
        more = {key: raw[key] for key in raw if key not in ("at", "message", "is")}
        track = {
            "type": "track",
            "event": STATUS_EVENTS[cast("MessageStatus", fate)],
            "properties": {**more, "step": step},
        }
        return Call(at, person.named(track), place)
    if "answer" in raw:
        step = _step(raw, "step", journey, place, WebhookStep)
        answer = _object(raw, "answer", place)
        status = answer.get("status", 200)
        if not isinstance(status, int) or not 100 <= status <= 599:
            raise SimulationRefused(f"{place}.answer.status: must be a status such as 200")
        return WebhookSays(step, WebhookAnswer(status, answer.get("body", {})))
    call = Call(at, person.named(_without_at(raw, _kind_of(raw))), place)
    call.item()
    return call


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


def _moment(value: object, zone: ZoneInfo, start: datetime, place: str) -> datetime:
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
