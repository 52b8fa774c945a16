"""Adapters that record messages and answer as the script says; nothing is sent."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import orjson

from channels.adapter import DEFAULT_TIMEOUT, Call, Outgoing, Receipt
from channels.errors import Code, Refused, Unclear
from channels.webhook.answers import Answer, classify
from journeys.protocol.channels import ChannelName
from simulation.interceptors import SENDING

SendResult = Literal["failed", "unknown"]
_SendKey = tuple[UUID | None, str]
"""A contact, and the step of its message."""


@dataclass(frozen=True)
class WebhookAnswer:
    """The answer of a webhook's receiver."""

    status: int = 200
    body: Any = field(default_factory=dict)


@dataclass
class ScriptedProvider:
    """The provider of all channels: it records messages and answers as the script says."""

    contact_by_run: Mapping[UUID, UUID]
    """The contact of each run."""
    sent: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    """The content of each message, by its id: `to, subject, text, html`, or `url, method, sent`."""
    _send_results: dict[_SendKey, deque[SendResult]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _answers: dict[_SendKey, deque[WebhookAnswer]] = field(
        default_factory=lambda: defaultdict(deque)
    )

    def script_send(self, contact: UUID, step: str, result: SendResult) -> None:
        """Set the result of a contact's next send of a step."""
        self._send_results[contact, step].append(result)

    def script_answer(self, contact: UUID, step: str, answer: WebhookAnswer) -> None:
        """Set the answer to a contact's next call of a webhook step."""
        self._answers[contact, step].append(answer)

    def receive(self, outgoing: Outgoing) -> Receipt:
        """Record a message, and answer it. Raises Refused or Unclear if the script says so."""
        run_id, step = SENDING.get()
        key = (self.contact_by_run.get(run_id), step)
        self.sent[outgoing.message_id] = outgoing.content()
        if self._send_results[key]:
            if self._send_results[key].popleft() == "failed":
                raise Refused(Code.MESSAGE_REFUSED, "the script says that it fails")
            raise Unclear(Code.NO_ANSWER, "the script says that the result is unknown")
        if not isinstance(outgoing, Call):
            return Receipt()
        answer = self._answers[key].popleft() if self._answers[key] else WebhookAnswer()
        body = bytearray(orjson.dumps(answer.body)) if answer.body is not None else bytearray()
        received = Answer(answer.status, {}, body, complete=True)
        return classify(received, now=datetime.now(UTC))


@dataclass(frozen=True)
class RecordingAdapter:
    """An adapter of any channel that hands its messages to a `ScriptedProvider`."""

    channel: ChannelName
    provider: ScriptedProvider
    timeout: float = DEFAULT_TIMEOUT

    async def send(self, outgoing: Outgoing) -> Receipt:
        """See `channels.adapter.Adapter.send`."""
        return self.provider.receive(outgoing)

    async def close(self) -> None:
        """Do nothing, because there is nothing to close."""


class PlaceholderSecrets(Mapping[str, str]):
    """Placeholders for the secrets of webhooks, each with the name of the real secret."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def __getitem__(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(name)
        return f"[secret {name}]"

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)
