"""Channels that keep what they are given, and answer as the script says. Nothing leaves."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import orjson

from channels.adapter import DEFAULT_TIMEOUT, Call, Email, Outgoing, Receipt, Sms
from channels.errors import Code, Refused, Unclear
from channels.webhook.answers import Answer, classify
from journeys.protocol.channels import ChannelName
from simulation.interceptors import SENDING

Fate = Literal["failed", "unknown"]
_Place = tuple[UUID | None, str]
"""A contact, and the step whose message it is."""


@dataclass(frozen=True)
class WebhookAnswer:
    """What a webhook's receiver says."""

    status: int = 200
    body: Any = field(default_factory=dict)


@dataclass
class Outside:
    """The world beyond the channels: what it was sent, and how it answers."""

    whose: Mapping[UUID, UUID]
    """The contact of each run."""
    sent: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    """By message id, what it was made of: `to, subject, text, html`, or `url, method, body`."""
    _fates: dict[_Place, deque[Fate]] = field(default_factory=lambda: defaultdict(deque))
    _answers: dict[_Place, deque[WebhookAnswer]] = field(default_factory=lambda: defaultdict(deque))

    def let(self, contact: UUID, step: str, fate: Fate) -> None:
        """A contact's next send of a step goes this way."""
        self._fates[contact, step].append(fate)

    def let_answer(self, contact: UUID, step: str, answer: WebhookAnswer) -> None:
        """The next call of a step's webhook for a contact is answered so."""
        self._answers[contact, step].append(answer)

    def take(self, outgoing: Outgoing) -> Receipt:
        """Take a message. Raises what the script asks for."""
        run_id, step = SENDING.get()
        place = (self.whose.get(run_id), step)
        self.sent[outgoing.message_id] = _told(outgoing)
        if self._fates[place]:
            if self._fates[place].popleft() == "failed":
                raise Refused(Code.MESSAGE_REFUSED, "the script says that it fails")
            raise Unclear(Code.NO_ANSWER, "the script says that nobody knows")
        if not isinstance(outgoing, Call):
            return Receipt()
        answer = self._answers[place].popleft() if self._answers[place] else WebhookAnswer()
        body = bytearray(orjson.dumps(answer.body)) if answer.body is not None else bytearray()
        said = Answer(answer.status, {}, body, complete=True)
        return classify(said, now=datetime.now(UTC))


@dataclass(frozen=True)
class KeepingAdapter:
    """An adapter of any channel that hands all it gets to `Outside`."""

    channel: ChannelName
    outside: Outside
    timeout: float = DEFAULT_TIMEOUT

    async def send(self, outgoing: Outgoing) -> Receipt:
        """See `channels.adapter.Adapter.send`."""
        return self.outside.take(outgoing)

    async def close(self) -> None:
        """There is nothing to close."""


def _told(outgoing: Outgoing) -> dict[str, Any]:
    match outgoing:
        case Email():
            return {
                "to": outgoing.to,
                "from": outgoing.from_,
                "subject": outgoing.subject,
                "text": outgoing.text,
                "html": outgoing.html,
            }
        case Sms():
            return {"to": outgoing.to, "text": outgoing.text}
        case Call():
            return {"url": outgoing.url, "method": outgoing.method, "sent": outgoing.body}


class Placeholders(Mapping[str, str]):
    """Secrets of webhooks, each in the name of the real one."""

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
