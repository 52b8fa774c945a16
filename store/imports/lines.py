"""Lines of a file, checked: what each says about a contact, an address or an event."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, cast
from uuid import UUID

import orjson

from journeys.model.addresses import check_email, normalise_phone
from journeys.model.consents import CALLER_SOURCES, REQUEST_ADDRESS_LIMIT, TEXT_LIMIT
from journeys.model.contact_checks import judge_attributes
from journeys.model.contact_fields import EXTERNAL_ID, FIELD_NAMES
from journeys.model.derived_fields import STRENGTH, DerivedFrom
from journeys.model.identifiers import find_id_flaw
from journeys.model.json_values import find_flaw
from journeys.model.well_known_events import ENGINE_EVENTS, WELL_KNOWN_EVENTS
from journeys.protocol.channels import CHANNELS, MESSAGE_KINDS, MessageChannel
from store.contacts.rows import parse_reference
from store.imports.mapping import OWN_ID, Column, map_key
from store.imports.plans import ImportPlan
from store.imports.problems import LineRefused
from store.imports.records import Record
from store.imports.values import check_json, convert, moment
from store.messages.suppression_list import Suppressing

ID_LIMIT: Final = 500
NAME_LIMIT: Final = 200
PROPERTIES_LIMIT: Final = 32 * 1024
GROUPS_LIMIT: Final = 100
"""Groups of one line."""
_KEYS: Final = 10_000
"""Keys of JSON Lines whose columns are remembered."""
_STATES: Final = {
    "subscribed": "subscribed", "yes": "subscribed", "true": "subscribed", "1": "subscribed",
    "opted_in": "subscribed", "opt_in": "subscribed", "y": "subscribed",
    "unsubscribed": "unsubscribed", "no": "unsubscribed", "false": "unsubscribed",
    "0": "unsubscribed", "opted_out": "unsubscribed", "opt_out": "unsubscribed",
    "n": "unsubscribed",
    "pending": "pending", "confirmed": "confirmed",
}  # fmt: skip
"""The words of a consent. `confirmed` also answers a double opt-in."""
_REASON: Final = re.compile(r"[a-z0-9_-]{1,64}", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LIST: Final = re.compile(r"[,;|]")
_FIELDS: Final = frozenset(FIELD_NAMES)
_EARLIEST: Final = 1970

Warnings = list[tuple[str, str]]
"""Codes and messages of values that are left out."""


@dataclass(slots=True, kw_only=True)
class Reference:
    """The contact that a line is about."""

    own_id: UUID | None = None
    external_id: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(slots=True, kw_only=True)
class ConsentLine:
    """A consent to a topic, with the proof of it."""

    topic: str
    state: str
    """subscribed, pending, unsubscribed, or confirmed: subscribed, and the address is proven."""
    source: str | None = None
    text: str | None = None
    at: datetime | None = None
    request_address: str | None = None


@dataclass(slots=True, kw_only=True)
class ContactLine:
    """What a line says about a contact."""

    line: int
    reference: Reference
    values: dict[str, Any] = field(default_factory=dict)
    """Checked fields and attributes; None removes one."""
    derived: dict[DerivedFrom, dict[str, Any]] = field(default_factory=dict)
    """Fields that were worked out and not given, by what they were worked out from."""
    groups: list[str] = field(default_factory=list)
    consents: list[ConsentLine] = field(default_factory=list)
    size: int = 0
    """About the bytes that its attributes take, at most."""
    warnings: Warnings = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class EventLine:
    """A past event."""

    line: int
    reference: Reference
    name: str
    properties: dict[str, Any]
    at: datetime
    message_id: str
    warnings: Warnings = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class SuppressionLine:
    """An address never to write to again."""

    line: int
    suppressing: Suppressing
    warnings: Warnings = field(default_factory=list)


Line = ContactLine | EventLine | SuppressionLine


class LineReader:
    """Reads the records of one import."""

    def __init__(self, plan: ImportPlan) -> None:
        self._plan = plan
        self._zone = plan.zone
        self._by_name = plan.columns is None
        self._columns: list[tuple[int, Column]] = [
            (index, column) for index, column in enumerate(plan.columns or ()) if column.used
        ]
        self._width = len(plan.columns or ())
        self._column_of = lru_cache(_KEYS)(self._map_key)
        self._keep_empty = plan.empty == "keep"

    def _map_key(self, name: str) -> Column:
        plan = self._plan
        return map_key(name, plan.what, given=plan.map, preset=plan.preset)

    def read(self, record: Record) -> Line:
        """What a record says. Raises LineRefused."""
        number, cells = record
        if isinstance(cells, LineRefused):
            raise cells
        warnings: Warnings = []
        given = self._given(cells, warnings)
        match self._plan.what:
            case "suppressions":
                return SuppressionLine(
                    line=number, suppressing=_suppressing(given), warnings=warnings
                )
            case "events":
                return self._event(number, given, warnings)
            case "contacts":
                return self._contact(number, given, warnings)
            case "groups":
                group = _id(_word(given.pop("group", None)), "group", NAME_LIMIT)
                return ContactLine(
                    line=number, reference=_reference(given), groups=[group], warnings=warnings
                )
            case "topics":
                return self._topic(number, given, warnings)

    def _given(
        self, cells: Sequence[str] | Mapping[str, Any], warnings: Warnings
    ) -> dict[str, Any]:
        """The values of a record by target, of the types that the mapping gives."""
        given: dict[str, Any] = {}
        if isinstance(cells, Mapping):
            for name, value in cells.items():
                column = self._column_of(name)
                if column.used:
                    self._put_json(given, column, value, warnings)
            return given
        if len(cells) > self._width and any(cells[self._width :]):
            raise LineRefused(
                "too_many_cells", f"has {len(cells)} cells, and there are {self._width} columns"
            )
        width = len(cells)
        for index, column in self._columns:
            text = cells[index] if index < width else ""
            if not text:
                if not self._keep_empty and index < width:
                    given[column.target] = None
                continue
            if "\0" in text:
                raise LineRefused("not_storable", f"{column.name}: holds a NUL character")
            if column.type == "text":
                given[column.target] = text
            else:
                self._put(given, column, text, warnings)
        return given

    def _put_json(
        self, given: dict[str, Any], column: Column, value: Any, warnings: Warnings
    ) -> None:
        if value is None:
            given[column.target] = None
        elif type(value) is str:
            if "\0" in value:
                raise LineRefused("not_storable", f"{column.name}: holds a NUL character")
            if column.type == "text":
                given[column.target] = value
            else:
                self._put(given, column, value, warnings)
        elif column.type == "text" and not _says_type(self._plan, column):
            try:
                given[column.target] = check_json(value)
            except ValueError as error:
                raise LineRefused("not_storable", f"{column.name}: {error}") from None
        else:
            self._put(given, column, value, warnings)

    def _put(self, given: dict[str, Any], column: Column, value: Any, warnings: Warnings) -> None:
        try:
            given[column.target] = convert(value, column.type, self._zone)
        except ValueError as error:
            warnings.append((f"invalid_{column.type}", f"{column.name}: {error}"))

    def _contact(self, number: int, given: dict[str, Any], warnings: Warnings) -> ContactLine:
        values: dict[str, Any] = {}
        size = 0
        topics: dict[str, Any] = {}
        proof: dict[str, Any] = {}
        groups: list[str] = [*self._plan.groups]
        for target, value in given.items():
            if target in _FIELDS:
                values[target] = value
            elif target.startswith("attributes."):
                name = target[11:]
                values[name] = value
                size += _size(value) + 6 * len(name) + 8
            elif target.startswith("topics."):
                topics[target[7:]] = value
            elif target.startswith("consent."):
                proof[target[8:]] = value
            elif target == "groups":
                groups += _groups(value)
            elif target == "attributes":
                if isinstance(value, dict):
                    for name, each in value.items():
                        flaw = "must be shorter" if len(name) > NAME_LIMIT else find_id_flaw(name)
                        if flaw is not None:
                            warnings.append(("invalid_name", f"attributes: a name {flaw}"))
                            continue
                        values.setdefault(name, each)
                        size += _size(each) + 6 * len(name) + 8
                elif value is not None:
                    warnings.append(("invalid_json", "attributes: is no JSON object"))
        judged = judge_attributes(values, operate=True)
        if (unclear := judged.refused.get(self._plan.by)) is not None:
            raise LineRefused(f"invalid_{self._plan.by}", f"{self._plan.by}: {unclear}")
        for name, wrong in judged.refused.items():
            warnings.append((f"invalid_{name}", f"{name}: {wrong}"))
        reference = _reference(given, judged.values)
        if len(groups) > GROUPS_LIMIT:
            raise LineRefused("too_many_groups", f"names more than {GROUPS_LIMIT} groups")
        return ContactLine(
            line=number,
            reference=reference,
            values=judged.values,
            derived=_derived(given.get("derived"), judged.values),
            groups=groups,
            consents=self._consents(topics, proof, warnings) if topics else [],
            size=size,
            warnings=warnings,
        )

    def _consents(
        self, topics: Mapping[str, Any], proof: Mapping[str, Any], warnings: Warnings
    ) -> list[ConsentLine]:
        consents = []
        for topic, value in topics.items():
            if value is None:
                continue
            try:
                consents.append(self._consent(topic, value, proof))
            except ValueError as error:
                warnings.append(("invalid_consent", f"topics.{topic}: {error}"))
        return consents

    def _consent(self, topic: str, value: Any, proof: Mapping[str, Any]) -> ConsentLine:
        word = "true" if value is True else "false" if value is False else str(value)
        state = _STATES.get(re.sub(r"[\s-]", "_", word.strip().casefold()))
        if state is None:
            raise ValueError(f"{word[:40]!r} is not subscribed, pending, unsubscribed or confirmed")
        source, text = proof.get("source"), proof.get("text")
        address, at = proof.get("ip"), proof.get("at")
        return ConsentLine(
            topic=topic,
            state=state,
            source=source if source in CALLER_SOURCES else None,
            text=None if text is None else str(text)[:TEXT_LIMIT],
            at=None if at is None else moment(at, self._zone),
            request_address=None if address is None else str(address)[:REQUEST_ADDRESS_LIMIT],
        )

    def _topic(self, number: int, given: dict[str, Any], warnings: Warnings) -> ContactLine:
        topic = _id(_word(given.get("topic")), "topic", NAME_LIMIT)
        try:
            consent = self._consent(topic, given.get("state") or "subscribed", given)
            if given.get("verified") is not None and convert(given["verified"], "boolean", None):
                consent.state = "confirmed" if consent.state == "subscribed" else consent.state
        except ValueError as error:
            raise LineRefused("invalid_consent", str(error)) from None
        return ContactLine(
            line=number, reference=_reference(given), consents=[consent], warnings=warnings
        )

    def _event(self, number: int, given: dict[str, Any], warnings: Warnings) -> EventLine:
        name = _id(_word(given.get("event")), "event", NAME_LIMIT)
        if name in ENGINE_EVENTS:
            raise LineRefused("engine_event", f"event: the engine alone records {name}")
        known = WELL_KNOWN_EVENTS.get(name)
        if known is not None and known.effect in ("consent", "channel"):
            raise LineRefused(
                "consent_event", f"event: {name} is a consent: import it as one, with its proof"
            )
        properties: dict[str, Any] = {}
        extra = given.get("properties")
        if isinstance(extra, dict):
            properties.update(extra)
        elif extra is not None:
            raise LineRefused("invalid_json", "properties: is no JSON object")
        for target, value in given.items():
            if target.startswith("properties.") and value is not None:
                properties[target[11:]] = value
        if find_flaw(properties):
            raise LineRefused("not_storable", "properties: cannot be stored")
        if len(orjson.dumps(properties)) > PROPERTIES_LIMIT:
            raise LineRefused("oversize", f"properties: more than {PROPERTIES_LIMIT // 1024} KB")
        try:
            at = moment(given.get("timestamp"), self._zone)
        except ValueError as error:
            raise LineRefused("invalid_time", f"timestamp: {error}") from None
        if at.year < _EARLIEST:
            raise LineRefused("invalid_time", f"timestamp: lies before {_EARLIEST}")
        reference = _reference(given)
        message_id = _word(given.get("message_id"))
        if message_id is None:
            message_id = _own_message_id(reference, name, at, properties)
        return EventLine(
            line=number,
            reference=reference,
            name=name,
            properties=properties,
            at=at,
            message_id=_id(message_id, "message_id", 100),
            warnings=warnings,
        )


def _derived(said: Any, values: dict[str, Any]) -> dict[DerivedFrom, dict[str, Any]]:
    """Take the fields out of the values that were worked out, as an export says."""
    found: dict[DerivedFrom, dict[str, Any]] = {}
    if isinstance(said, dict):
        for source in STRENGTH:
            names = [name for name, each in said.items() if each == source and name in _FIELDS]
            taken = {name: values.pop(name) for name in names if values.get(name) is not None}
            if taken:
                found[source] = taken
    return found


def _says_type(plan: ImportPlan, column: Column) -> bool:
    """Whether the mapping itself says that the values of a key are texts."""
    return plan.map.get(column.name, "").endswith(":text")


def _size(value: Any) -> int:
    """At least the bytes of a value as JSON."""
    if isinstance(value, str):
        return 6 * len(value) + 2 if not value.isascii() else 2 * len(value) + 2
    return len(orjson.dumps(value))


def _word(value: Any) -> str | None:
    """A text without spaces around it, also of a number; None if it is empty."""
    if value is None or isinstance(value, bool | dict | list):
        return None
    text = value if isinstance(value, str) else str(value)
    return text.strip() or None


def _id(text: str | None, name: str, limit: int) -> str:
    if text is None:
        raise LineRefused("missing", f"{name}: missing")
    flaw = find_id_flaw(text)
    if flaw is None and len(text) > limit:
        flaw = f"must have at most {limit} characters"
    if flaw is not None:
        raise LineRefused("invalid_id", f"{name}: {flaw}")
    return text


def _reference(given: Mapping[str, Any], checked: Mapping[str, Any] | None = None) -> Reference:
    """The contact that a line names. Raises LineRefused for an id or an address that is none."""
    external_id, own = _word(given.get(EXTERNAL_ID)), _word(given.get(OWN_ID))
    own_id = None
    if own is not None:
        own_id = parse_reference(own)
        if own_id is None:
            raise LineRefused("invalid_id", f"{OWN_ID}: is no id of ours")
    if checked is not None:
        email, phone = checked.get("email"), checked.get("phone")
    else:
        email, phone = (
            _address(given.get("email"), check_email),
            _address(given.get("phone"), normalise_phone),
        )
    return Reference(
        own_id=own_id,
        external_id=None if external_id is None else _id(external_id, EXTERNAL_ID, ID_LIMIT),
        email=email,
        phone=phone,
    )


def _address(value: Any, check: Any) -> str | None:
    text = _word(value)
    if text is None:
        return None
    try:
        return cast(str, check(text))
    except ValueError as error:
        raise LineRefused("invalid_address", str(error)) from None


def _groups(value: Any) -> Iterable[str]:
    """The groups of a cell: a JSON list, or names with , ; or | between them."""
    if value is None:
        return
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                raise LineRefused("invalid_group", "groups: is no list") from None
        else:
            value = [each.strip().strip('"') for each in _LIST.split(value)]
    if not isinstance(value, list):
        raise LineRefused("invalid_group", "groups: is no list")
    for each in value:
        name = _word(each)
        if name is not None:
            yield _id(name, "groups", NAME_LIMIT)


def _own_message_id(
    reference: Reference, name: str, at: datetime, properties: Mapping[str, Any]
) -> str:
    """The same for the same event, so that a file that is imported again adds nothing."""
    whole = orjson.dumps(
        [
            str(reference.own_id), reference.external_id, reference.email, reference.phone, name,
            at, properties,
        ],
        option=orjson.OPT_SORT_KEYS,
    )  # fmt: skip
    return f"import-{sha256(whole).hexdigest()[:40]}"


def _suppressing(given: Mapping[str, Any]) -> Suppressing:
    address, address_hash = _word(given.get("address")), _word(given.get("address_hash"))
    channel = _word(given.get("channel"))
    reason = _word(given.get("reason")) or "import"
    if _REASON.fullmatch(reason) is None:
        raise LineRefused("invalid_reason", "reason: must be made of a-z, 0-9, - and _")
    if channel is None and address is not None:
        channel = "email" if "@" in address else "sms"
    if channel not in MESSAGE_KINDS:
        words = " or ".join(sorted(MESSAGE_KINDS))
        raise LineRefused("invalid_channel", f"channel: must be {words}")
    if address is not None:
        by_email = CHANNELS[cast(MessageChannel, channel)].address_field == "email"
        check = check_email if by_email else normalise_phone
        return Suppressing(channel, reason, address=_address(address, check))
    if address_hash is None or _HASH.fullmatch(address_hash) is None:
        raise LineRefused("missing", "address: missing, and address_hash is no hash of an export")
    return Suppressing(channel, reason, address_hash=address_hash)
