"""Composition of a claimed send: its texts rendered, its address filled in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from activities.context import Context, ReturnKind
from activities.sending.claim import Claimed
from channels.adapter import Call, Email, Outgoing, Sms
from channels.errors import Code, NotTaken
from journeys.links.message_urls import LINKS, link_variables
from journeys.model.steps import EmailStep, SmsStep, WebhookStep
from journeys.model.values import Reference
from journeys.templating.compilation import compile_step
from journeys.templating.contents import Content
from journeys.templating.liquid import Budget, Moment, TemplateError
from journeys.templating.rendering import Rendering, RenderingFailed, RenderingTooLarge
from store.messages.recipients import address_of

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
    except RenderingTooLarge:
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
    except RenderingTooLarge as error:
        raise CompositionFailed("template_limit", str(error)) from None


@dataclass(frozen=True, slots=True)
class _Listed:
    """The list of marketing mail, and how one leaves it; nothing of it for other mail."""

    topic: str | None = None
    url: str | None = None
    address: str | None = None


class _Composition:
    """The making of one message, within one budget for all of its texts."""

    def __init__(self, claimed: Claimed, context: Context, budget: Budget) -> None:
        self._claimed = claimed
        self._context = context
        variables = dict(claimed.variables)
        if isinstance(claimed.step, WebhookStep):
            variables["secret"] = dict(context.secrets)
        elif context.links is not None:
            variables |= link_variables(context.links.of(claimed.message_id))
        moment = Moment(claimed.terms.now, claimed.terms.zone)
        self._rendering = Rendering(variables, moment, budget)

    def message(self) -> Outgoing:
        """The message. Raises CompositionFailed and RenderingTooLarge."""
        try:
            return self._message()
        except RenderingFailed as error:
            raise CompositionFailed(error.code, str(error)) from None

    def _message(self) -> Outgoing:
        claimed, step = self._claimed, self._claimed.step
        if isinstance(step, EmailStep):
            return self._email(step)
        if isinstance(step, SmsStep):
            return Sms(
                message_id=claimed.message_id,
                to=address_of(claimed.contact, step.kind) or "",
                text=self._rendering.sms(self._content(step)),
                transactional=claimed.settings.transactional,
                tags=self._tags(),
            )
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
        claimed = self._claimed
        sender = claimed.settings.from_ or claimed.brand.from_ or self._context.sender
        if not sender:
            raise CompositionFailed(
                "template", "the e-mail has no sender: give `from`, or set PARCOURS_FROM"
            )
        reply_to = claimed.settings.reply_to or claimed.brand.reply_to
        from_ = self._render("from", sender)
        reply_to = self._render("reply_to", reply_to) if reply_to else self._return_address("reply")
        content = self._content(step)
        made = self._rendering.email(
            content, step.email.subject if step.email.template is not None else None
        )
        listed = self._listed()
        return Email(
            message_id=claimed.message_id,
            to=address_of(claimed.contact, step.kind) or "",
            from_=from_,
            reply_to=reply_to,
            subject=made.subject,
            text=made.text,
            html=made.html,
            tags=self._tags(),
            feedback_id=(claimed.run.journey, claimed.settings.topic or "", step.id),
            return_path=self._return_address("bounce"),
            list_unsubscribe=listed.url,
            list_unsubscribe_address=listed.address,
            list_id=listed.topic,
        )

    def _tags(self) -> dict[str, str]:
        """What the provider repeats in its notifications; nothing of it is personal."""
        claimed = self._claimed
        tags = {"journey": claimed.run.journey, "step": claimed.step.id}
        return tags if claimed.settings.topic is None else {**tags, "topic": claimed.settings.topic}

    def _listed(self) -> _Listed:
        """How the reader leaves the list that the e-mail is of."""
        topic, links = self._claimed.settings.topic, self._context.links
        if topic is None or self._claimed.settings.transactional or links is None:
            return _Listed()
        url = links.of(self._claimed.message_id).unsubscribe
        return _Listed(topic, url, self._return_address("unsubscribe"))

    def _return_address(self, kind: ReturnKind) -> str | None:
        """An address of ours for this message; None if the installation takes no mail."""
        addresses = self._context.return_addresses
        return None if addresses is None else addresses.address(kind, self._claimed.message_id)

    def _content(self, step: EmailStep | SmsStep) -> Content:
        """What the message is made of. Raises CompositionFailed if there is nothing."""
        found = self._claimed.content
        if found is not None:
            if self._context.links is None and set(LINKS) & set(found.reads):
                raise CompositionFailed(
                    "template", "there are no links: set PARCOURS_PUBLIC_URL and PARCOURS_LINK_KEYS"
                )
            return found
        template = step.content.template
        if template is not None:
            raise CompositionFailed(
                "template",
                f"the template `{template}` has no content in the contact's language"
                f" (`{self._claimed.contact.locale or 'none'}`); give it texts outside of"
                " `locales`, or apply it again",
            )
        try:
            compile_step(step)
        except TemplateError as error:
            raise CompositionFailed(error.code, str(error)) from None
        raise CompositionFailed("template", "the step has no content; apply its journey again")

    def _render(self, part: str, text: str) -> str:
        return self._rendering.part(part, text)

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
