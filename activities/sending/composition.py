"""Composition of a claimed send: its texts rendered, its address filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.context import Context
from activities.sending.claim import Claimed
from activities.sending.recipients import address_of
from channels.adapter import Call, Email, Outgoing, Sms
from journeys.model.steps import EmailStep, SmsStep
from journeys.model.values import Reference
from journeys.templating.liquid import render


class CompositionFailed(Exception):
    """Something that the message needs is missing; the text says what."""


def compose(claimed: Claimed, context: Context) -> Outgoing:
    """The message to send. Raises journeys.templating.liquid.TemplateError, CompositionFailed."""
    step = claimed.step
    if isinstance(step, EmailStep):
        return _email(claimed, step, context)
    if isinstance(step, SmsStep):
        return Sms(
            message_id=claimed.message_id,
            to=address_of(claimed.contact, step.kind) or "",
            text=render(step.sms.text or "", claimed.variables),
        )
    variables = {**claimed.variables, "secret": dict(context.secrets)}
    webhook = step.webhook
    return Call(
        message_id=claimed.message_id,
        url=render(webhook.url, variables),
        method=webhook.method,
        headers={name: render(value, variables) for name, value in webhook.headers.items()},
        body=_fill_in(webhook.body, variables, claimed.references),
    )


def _email(claimed: Claimed, step: EmailStep, context: Context) -> Email:
    sender = claimed.settings.from_ or context.sender
    if not sender:
        raise CompositionFailed("the e-mail has no sender: give `from`, or set PARCOURS_FROM")
    variables, reply_to = claimed.variables, claimed.settings.reply_to
    return Email(
        message_id=claimed.message_id,
        to=address_of(claimed.contact, step.kind) or "",
        from_=render(sender, variables),
        reply_to=render(reply_to, variables) if reply_to else None,
        subject=" ".join(render(step.email.subject or "", variables).split()),
        text=render(step.email.text, variables) if step.email.text is not None else None,
        html=render(step.email.html, variables, html=True) if step.email.html is not None else None,
        tags={
            "message": str(claimed.message_id),
            "journey": claimed.run.journey,
            "step": step.id,
        },
    )


def _fill_in(value: Any, variables: dict[str, Any], references: Mapping[Reference, Any]) -> Any:
    """Render the strings of a body. References become values, which are never rendered."""
    if isinstance(value, Reference):
        return references[value]
    if isinstance(value, str):
        return render(value, variables)
    if isinstance(value, dict):
        return {name: _fill_in(part, variables, references) for name, part in value.items()}
    if isinstance(value, list):
        return [_fill_in(part, variables, references) for part in value]
    return value
