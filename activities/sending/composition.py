"""From a claimed send to what its channel takes: texts rendered, addresses filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.context import Context
from activities.sending.claim import Claimed
from channels.adapter import Call, Email, Outgoing, Sms
from journeys.model.steps import EmailStep, SmsStep
from journeys.model.values import Reference
from journeys.templating.liquid import render


class CompositionFailed(Exception):
    """What the message would need is missing; the text says what."""


def compose(claimed: Claimed, context: Context) -> Outgoing:
    """The message to send. Raises journeys.templating.liquid.TemplateError and Unsendable."""
    step = claimed.step
    if isinstance(step, EmailStep):
        return _email(claimed, step, context)
    if isinstance(step, SmsStep):
        return Sms(
            message_id=claimed.message_id,
            to=claimed.contact.phone or "",
            text=render(step.sms.text or "", claimed.variables),
        )
    seen = {**claimed.variables, "secret": dict(context.secrets)}
    webhook = step.webhook
    return Call(
        message_id=claimed.message_id,
        url=render(webhook.url, seen),
        method=webhook.method,
        headers={name: render(value, seen) for name, value in webhook.headers.items()},
        body=_filled(webhook.body, seen, claimed.references),
    )


def _email(claimed: Claimed, step: EmailStep, context: Context) -> Email:
    sender = claimed.settings.from_ or context.sender
    if not sender:
        raise CompositionFailed("the e-mail has no sender: give `from`, or set PARCOURS_FROM")
    seen = claimed.variables
    return Email(
        message_id=claimed.message_id,
        to=claimed.contact.email or "",
        from_=render(sender, seen),
        reply_to=render(claimed.settings.reply_to, seen) if claimed.settings.reply_to else None,
        subject=" ".join(render(step.email.subject or "", seen).split()),
        text=render(step.email.text, seen) if step.email.text is not None else None,
        html=render(step.email.html, seen, html=True) if step.email.html is not None else None,
        tags={
            "message": str(claimed.message_id),
            "journey": claimed.run.journey,
            "step": step.id,
        },
    )


def _filled(value: Any, seen: dict[str, Any], references: Mapping[Reference, Any]) -> Any:
    """The author's strings rendered, and references replaced by values that are not rendered."""
    if isinstance(value, Reference):
        return references[value]
    if isinstance(value, str):
        return render(value, seen)
    if isinstance(value, dict):
        return {name: _filled(part, seen, references) for name, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, seen, references) for part in value]
    return value
