"""Records of consents, one for each address that a consent is for, with the evidence of each."""

from __future__ import annotations

from typing import Any, Final, cast
from uuid import UUID

from journeys.model.consents import (
    CALLER_SOURCES,
    REQUEST_ADDRESS_LIMIT,
    TEXT_LIMIT,
    Evidence,
)
from journeys.model.well_known_events import ConsentState
from journeys.protocol.channels import CHANNELS, AddressField, MessageChannel
from store.events.effect_events import ENGINE, Addresses, EffectCandidate

CHANNEL_OF: Final = {
    cast(AddressField, channel.address_field): cast(MessageChannel, name)
    for name, channel in CHANNELS.items()
    if channel.to_contact
}
"""The channel of each address."""


class ConsentRecords:
    """Records that are to be written with the events that they belong to."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(
        self,
        event: EffectCandidate,
        evidence: Evidence,
        addresses: Addresses,
        *,
        event_id: tuple[str, str],
        state: ConsentState,
        previous: str | None,
        topic: str | None = None,
    ) -> None:
        """Add a record for each of the addresses, or one without if there is none.

        `event_id` is the message id of the event and its source. No topic is the whole channel.
        """
        message_id, source = event_id
        given_for: list[tuple[str | None, str | None]] = [
            (CHANNEL_OF[field], address)
            for field, address in addresses.items()
            if address is not None and evidence.channel in (None, CHANNEL_OF[field])
        ]
        for channel, address in given_for or [(evidence.channel, None)]:
            self.rows.append(
                {
                    "n": len(self.rows),
                    "contact_id": event.contact_id,
                    "topic": topic,
                    "channel": channel,
                    "address": address,
                    "state": state,
                    "previous": previous,
                    "evidence": evidence.source,
                    "text": evidence.text,
                    "request_address": evidence.request_address,
                    "about": evidence.message_id,
                    "given_at": evidence.given_at,
                    "message_id": message_id,
                    "source": source,
                }
            )


def evidence_of(event: EffectCandidate, source: str) -> tuple[Evidence, dict[str, Any]]:
    """The evidence for a consent, and the event's properties without the request's address.

    A caller says it in the properties `source`, `text` and `ip`. A value that is no evidence is
    left out of the record.
    """
    if event.evidence is not None:
        return event.evidence, event.properties
    properties = {name: value for name, value in event.properties.items() if name != "ip"}
    if source == ENGINE:
        if properties.get("source") != "complaint":
            return Evidence(source="journey"), properties
        return Evidence(
            source="complaint", message_id=_id(properties.get("message_id"))
        ), properties
    text, address = properties.get("text"), event.properties.get("ip")
    return Evidence(
        source=next((each for each in CALLER_SOURCES if each == properties.get("source")), "api"),
        text=text[:TEXT_LIMIT] if isinstance(text, str) else None,
        request_address=address[:REQUEST_ADDRESS_LIMIT] if isinstance(address, str) else None,
    ), properties


def _id(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
