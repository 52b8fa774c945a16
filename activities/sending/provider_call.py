"""The call of a provider for a claimed message, and the record of what came of it.

Nothing that a provider, its adapter or a template does reaches other messages: every fault becomes
a record of this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from activities.context import Context
from activities.sending.attached_files import AttachmentMissing, attach
from activities.sending.claim import Claimed
from activities.sending.composition import CompositionFailed, compose
from activities.sending.faults import keep_fault
from activities.sending.kept_content import content_to_keep
from activities.sending.masking import SecretMask
from activities.sending.provider_turn import wait_for_turn
from activities.sending.retries import TryAgain
from activities.sending.tracked_links import Followed, follow_links
from channels.adapter import Adapter, Email, Outgoing, Receipt
from channels.errors import Code, NotTaken, Refused, Unclear
from channels.storable import storable_text
from journeys.protocol.channels import CHANNELS
from store.messages.claims import Settled
from store.messages.short_links import keep_short_links
from store.metrics import counter, histogram
from store.sql import DATABASE_AWAY
from store.traces import span

_GRACE = 1.0
"""Seconds after its own timeout in which an adapter should have ended a call."""

_SENDS: Final = counter("parcours_sends")
_FAILURES: Final = counter("parcours_send_failures")
_SECONDS: Final = histogram("parcours_send_seconds")


@dataclass(frozen=True)
class Record:
    """The result of an attempt, to be recorded in Postgres."""

    state: Settled
    outcome: str | None
    provider_id: str | None = None
    code: str | None = None
    detail: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    suppress: bool = False
    again: TryAgain | None = None
    """Set: the message is tried again."""
    kept: bytes | None = None
    """What the provider took, or may have taken; without secrets."""

    def masked(self, mask: SecretMask) -> Record:
        """The record without secrets."""
        facts: dict[str, Any] = mask.value(self.facts)
        if "detail" in facts:
            facts["detail"] = mask.text(facts["detail"])
        return replace(
            self,
            provider_id=mask.value(self.provider_id),
            detail=None if self.detail is None else mask.text(self.detail),
            facts=facts,
            output=mask.value(self.output),
        )


class ProviderCalls:
    """Calls providers, and says what is to be recorded; secrets are masked in it."""

    def __init__(self, context: Context, mask: SecretMask) -> None:
        self._context = context
        self._mask = mask

    async def call(self, claimed: Claimed) -> Record:
        """Compose the message and hand it over, at most once."""
        record = (await self._call(claimed)).masked(self._mask)
        _SENDS.labels(claimed.step.kind, claimed.provider, record.state).inc()
        if record.code is not None:
            _FAILURES.labels(claimed.step.kind, record.code).inc()
        return record

    async def _call(self, claimed: Claimed) -> Record:
        try:
            outgoing = await compose(claimed, self._context)
            if isinstance(outgoing, Email):
                files, context = claimed.settings.attachments, self._context
                outgoing = await attach(outgoing, files, context.pool, context.files)
            made = await follow_links(claimed, self._context, outgoing)
        except CompositionFailed as error:
            return _not_composed(error.code, str(error))
        except AttachmentMissing as error:
            return _not_composed("attachment", str(error))
        except NotTaken as error:
            return _released(error)
        except ValueError as error:
            return _not_composed("message_invalid", str(error))
        except Exception as error:
            await self._keep_fault(claimed, "composition_failed", error)
            return _not_composed("message_invalid", f"{type(error).__name__}: {error}")
        adapter = self._context.adapter(claimed.step.kind, claimed.provider)
        if adapter is None:
            return Record("refused", "failed", code="no_channel", facts={"reason": "no_channel"})
        kept = await content_to_keep(outgoing, self._context, self._mask)
        try:
            await self._keep_links(claimed, made)
            with _SECONDS.labels(claimed.step.kind, claimed.provider).time():
                await wait_for_turn(claimed, self._context)
                receipt = await self._hand_over(claimed, adapter, made.outgoing)
        except Refused as error:
            return Record(
                "refused",
                "failed",
                code=str(error.code),
                detail=error.detail,
                facts=_reason(error),
                output=_answer(error.facts),
                suppress=error.suppress,
            )
        except NotTaken as error:
            if error.code is Code.THROTTLED:
                self._context.throttled(claimed.step.kind)
            return _released(error)
        except Unclear as error:
            if claimed.settings.on_unknown == "resend":
                return Record(
                    "unknown",
                    None,
                    code=str(error.code),
                    detail=error.detail,
                    again=TryAgain(),
                    kept=kept,
                )
            return Record(
                "unknown",
                "unknown",
                code=str(error.code),
                detail=error.detail,
                facts=_reason(error),
                output=_answer(error.facts),
                kept=kept,
            )
        channel = CHANNELS[claimed.step.kind]
        return Record(
            "sent",
            channel.sent_outcome,
            provider_id=receipt.provider_id,
            facts=dict(receipt.facts) if channel.to_contact else {},
            output={} if channel.to_contact else _answer(receipt.facts),
            kept=kept,
        )

    async def _keep_links(self, claimed: Claimed, made: Followed) -> None:
        """Keep the short links of a message before it goes out. Raises NotTaken."""
        if not made.short_links:
            return
        try:
            async with self._context.pool.connection(timeout=2) as conn:
                await keep_short_links(conn, claimed.message_id, made.short_links)
        except Exception as error:
            if not isinstance(error, DATABASE_AWAY):
                await self._keep_fault(claimed, "links_not_kept", error)
            raise NotTaken(Code.UNAVAILABLE, "the short links could not be kept") from None

    async def _hand_over(self, claimed: Claimed, adapter: Adapter, outgoing: Outgoing) -> Receipt:
        """The receipt. Raises `Refused`, `NotTaken` or `Unclear`, also if the adapter fails."""
        guard = asyncio.timeout(adapter.timeout + _GRACE)
        try:
            with span(f"send {claimed.step.kind}") as sending:
                sending.note("parcours.provider", claimed.provider)
                sending.note("parcours.message", str(claimed.message_id))
                async with guard:
                    try:
                        return await adapter.send(outgoing)
                    except (Refused, NotTaken, Unclear) as error:
                        sending.note("parcours.code", str(error.code))
                        raise
        except (Refused, NotTaken, Unclear):
            raise
        except Exception as error:
            if guard.expired():
                words = f"the provider's adapter did not end within {adapter.timeout:g} s"
                raise Unclear(Code.NO_ANSWER, words) from None
            await self._keep_fault(claimed, "adapter_failed", error)
            words = f"the provider's adapter failed: {type(error).__name__}: {error}"
            raise Unclear(Code.ADAPTER_FAILED, words) from None

    async def _keep_fault(self, claimed: Claimed, code: str, error: Exception) -> None:
        pool, run_id = self._context.pool, claimed.run.id
        await keep_fault(pool, run_id, claimed.visit, code, error, self._mask)


def _released(error: NotTaken) -> Record:
    """The record of a message that was certainly not taken."""
    # What our own queue for a receiver asks is the message's turn there.
    again = TryAgain(error.retry_after, exact=error.code is Code.BUSY)
    return Record("released", None, code=str(error.code), detail=error.detail, again=again)


def _not_composed(code: str, detail: str) -> Record:
    detail = storable_text(detail)
    facts = {"reason": code, "detail": detail}
    return Record("refused", "failed", code=code, detail=detail, facts=facts)


def _reason(error: Refused | Unclear) -> dict[str, Any]:
    """The facts of a visit whose message was not sent: the code, and the status of an answer."""
    status = error.facts.get("status")
    return {"reason": str(error.code)} | ({} if status is None else {"status": status})


def _answer(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a webhook, for later steps."""
    return {name: facts[name] for name in ("status", "body") if name in facts}
