"""Composition of a claimed send: its texts rendered, its address filled in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from activities.context import Context
from activities.sending.claim import Claimed
from activities.sending.recipients import address_of
from channels.adapter import Call, Email, Outgoing, Sms
from channels.errors import Code, NotTaken
from journeys.model.steps import EmailStep, SmsStep
from journeys.model.values import Reference
from journeys.templating.liquid import Budget, Moment, TemplateError, TemplateLimit, render

_WAIT: Final = 8.0
"""Seconds that a large message waits for its turn. With the provider's 20 they stay below the 30 of
an attempt."""


class CompositionFailed(Exception):
    """A message that can't be made of its step and its contact.

    `code` says why: `template`, `template_limit` or `empty`; the text says what and where.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


async def compose(claimed: Claimed, context: Context) -> Outgoing:
    """The message to send. Raises CompositionFailed, and NotTaken while too many are large.

    A message is rendered at once within a small budget. One that needs more is rendered again from
    the start, in a thread and within the budget of a message, so the result is the same.
    """
    try:
        return _Composition(claimed, context, Budget.small()).message()
    except _TooLarge:
        pass
    try:
        await asyncio.wait_for(context.large_messages.acquire(), _WAIT)
    except TimeoutError:
        raise NotTaken(Code.BUSY, "too many large messages are rendered at once") from None

    def ended(future: asyncio.Future[Outgoing]) -> None:
        context.large_messages.release()
        if not future.cancelled():
            future.exception()

    made = _Composition(claimed, context, Budget())
    thread = asyncio.get_running_loop().run_in_executor(None, made.message)
    thread.add_done_callback(ended)
    try:
        # A cancelled activity gives its turn back when its thread has ended.
        return await asyncio.shield(thread)
    except _TooLarge as error:
        raise CompositionFailed("template_limit", str(error)) from None


class _TooLarge(Exception):
    """A message that takes more than its budget; the text says which part."""


class _Composition:
    """The making of one message, within one budget for all of its texts."""

    def __init__(self, claimed: Claimed, context: Context, budget: Budget) -> None:
        self._claimed = claimed
        self._context = context
        self._budget = budget
        self._moment = Moment(claimed.terms.now, claimed.terms.zone)
        self._variables = claimed.variables

    def message(self) -> Outgoing:
        """The message. Raises CompositionFailed and _TooLarge."""
        claimed, step = self._claimed, self._claimed.step
        if isinstance(step, EmailStep):
            return self._email(step)
        if isinstance(step, SmsStep):
            return Sms(
                message_id=claimed.message_id,
                to=address_of(claimed.contact, step.kind) or "",
                text=self._content("text", step.sms.text or ""),
                transactional=claimed.settings.transactional,
                tags=self._tags(),
            )
        self._variables = {**claimed.variables, "secret": dict(self._context.secrets)}
        webhook = step.webhook
        return Call(
            message_id=claimed.message_id,
            url=self._render("url", webhook.url),
            method=webhook.method,
            headers={
                name: self._render(f"headers.{name}", value)
                for name, value in webhook.headers.items()
            },
            body=self._fill_in("body", webhook.body, claimed.references),
        )

    def _email(self, step: EmailStep) -> Email:
        claimed, content = self._claimed, step.email
        sender = claimed.settings.from_ or self._context.sender
        if not sender:
            raise CompositionFailed(
                "template", "the e-mail has no sender: give `from`, or set PARCOURS_FROM"
            )
        reply_to = claimed.settings.reply_to
        unsubscribe, topic = self._list()
        return Email(
            message_id=claimed.message_id,
            to=address_of(claimed.contact, step.kind) or "",
            from_=self._render("from", sender),
            reply_to=self._render("reply_to", reply_to) if reply_to else None,
            subject=" ".join(self._content("subject", content.subject or "").split()),
            text=self._content("text", content.text) if content.text is not None else None,
            html=(
                self._content("html", content.html, html=True) if content.html is not None else None
            ),
            tags=self._tags(),
            feedback_id=(claimed.run.journey, claimed.settings.topic or "", step.id),
            list_unsubscribe=unsubscribe,
            list_id=topic,
        )

    def _tags(self) -> dict[str, str]:
        """What the provider repeats in its notifications; nothing of it is personal."""
        claimed = self._claimed
        tags = {"journey": claimed.run.journey, "step": claimed.step.id}
        return tags if claimed.settings.topic is None else {**tags, "topic": claimed.settings.topic}

    def _list(self) -> tuple[str | None, str | None]:
        """The URL and the topic by which mail programs offer to leave; of marketing mail only."""
        topic, links = self._claimed.settings.topic, self._context.links
        if topic is None or self._claimed.settings.transactional or links is None:
            return None, None
        return links.of(self._claimed.message_id).unsubscribe, topic

    def _content(self, part: str, text: str, *, html: bool = False) -> str:
        """A rendered text that has something in it."""
        rendered = self._render(part, text, html=html)
        if not rendered.strip():
            raise CompositionFailed("empty", f"`{part}` is empty for this contact")
        return rendered

    def _render(self, part: str, text: str, *, html: bool = False) -> str:
        try:
            return render(text, self._variables, self._moment, html=html, budget=self._budget)
        except TemplateLimit as error:
            raise _TooLarge(f"`{part}`: {error}") from None
        except TemplateError as error:
            line = f", line {error.line}" if error.line is not None and "\n" in text else ""
            raise CompositionFailed(error.code, f"`{part}`{line}: {error}") from None

    def _fill_in(self, part: str, value: Any, references: Mapping[Reference, Any]) -> Any:
        """Render the texts of a body. References become values, which are never rendered."""
        if isinstance(value, Reference):
            return references[value]
        if isinstance(value, str):
            return self._render(part, value)
        if isinstance(value, dict):
            return {
                name: self._fill_in(f"{part}.{name}", each, references)
                for name, each in value.items()
            }
        if isinstance(value, list):
            return [
                self._fill_in(f"{part}.{place}", each, references)
                for place, each in enumerate(value)
            ]
        return value
