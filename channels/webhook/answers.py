"""Answers to webhook calls: success or error, and the facts that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from channels.adapter import Receipt
from channels.errors import Code, NotSent, NotTaken, Refused, Unclear
from channels.storable import storable_json, storable_text

KEPT = 64 * 1024
"""The most bytes of a body that are kept."""
_SHOWN = 300
"""The most bytes of a body that are shown to operators."""
_LONGEST_WAIT = 366 * 86400.0
"""Seconds; beyond any time for which a call is tried again."""

_TRY_AGAIN = {408: Code.DEFERRED, 425: Code.DEFERRED, 429: Code.THROTTLED, 503: Code.UNAVAILABLE}
_PERMANENT = frozenset({501, 505})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(slots=True)
class Answer:
    """An answer, as far as it was read. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytearray = field(default_factory=bytearray)
    complete: bool = False
    """The body was read to its end."""

    @property
    def redirects(self) -> bool:
        """Whether it asks for the same call at another URL."""
        return self.status in _REDIRECTS and "location" in self.headers

    def take(self, chunk: bytes) -> bool:
        """Add a part of the body, up to the limit. False if the limit is reached."""
        self.body += chunk[: KEPT - len(self.body)]
        return len(self.body) < KEPT

    @property
    def facts(self) -> dict[str, Any]:
        """The facts for the run: `status` and `body`, and `truncated: True` if it was cut short.

        `body` is the value of a JSON text, else the text, None if there was no body.
        """
        facts: dict[str, Any] = {"status": self.status, "body": self._content()}
        if not self.complete:
            facts["truncated"] = True
        return facts

    @property
    def words(self) -> str:
        """The beginning of the body on one line, after a colon; empty without a body."""
        words = " ".join(self.body[:_SHOWN].decode("utf-8-sig", "replace").split())
        return f": {words}" if words else ""

    def _content(self) -> Any:
        if not self.body:
            return None
        text = self.body.decode("utf-8-sig", "replace")
        if self.complete and "content-encoding" not in self.headers:
            try:
                return storable_json(text)
            except ValueError:
                pass
        return storable_text(text)


def classify(answer: Answer, *, now: datetime) -> Receipt:
    """The receipt for a 2xx. Raises `Refused`, `NotTaken` or `Unclear` for other statuses.

    A 500 means that the receiver failed, and the next call has the same `Idempotency-Key`, so it is
    tried again. A 502 or 504 means that a gateway lost the receiver, so it is unknown what the
    receiver did.
    """
    status = answer.status
    if 200 <= status < 300:
        return Receipt(facts=answer.facts)
    raise _failure(answer, f"the webhook's receiver answered {status}{answer.words}", now)


def _failure(answer: Answer, detail: str, now: datetime) -> NotSent:
    status, facts = answer.status, answer.facts
    if status == 500 or status in _TRY_AGAIN:
        return NotTaken(
            _TRY_AGAIN.get(status, Code.DEFERRED),
            detail,
            retry_after=retry_after(answer.headers.get("retry-after"), now=now),
            facts=facts,
        )
    if status >= 500 and status not in _PERMANENT:
        return Unclear(Code.PROVIDER_FAILED, detail, facts=facts)
    return Refused(Code.ANSWER_REFUSED, detail, facts=facts)


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait from `now` by a `Retry-After` header (RFC 9110, 10.2.3).

    At least 0 and at most a year; None if the header is absent or cannot be read.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            # RFC 5322's "-0000"; HTTP dates are in UTC.
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(0.0, seconds), _LONGEST_WAIT)
