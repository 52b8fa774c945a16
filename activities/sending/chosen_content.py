"""What a message is rendered from: its content, in the contact's language, and its variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection

from activities.context import Context
from journeys.model.sends import EffectiveSend
from journeys.model.steps import BaseMessage, SendStep, WebhookStep
from journeys.model.values import Reference, references_in
from journeys.templating.contents import choose_locale
from journeys.templating.failures import TemplateError
from store.contacts.operands import Operands
from store.definitions.catalog import Definition
from store.definitions.content_cache import ChosenContent
from store.entries.refusals import entries_of
from store.messages.send_state import Recipient
from store.runs.rows import RunRow


def template_of(step: SendStep) -> str | None:
    """The template that a step names; None if its texts are its own."""
    return step.content.template if isinstance(step, BaseMessage) else None


async def choose_content(
    conn: AsyncConnection[Any],
    context: Context,
    definition: Definition,
    step: SendStep,
    template: str | None,
    contact: Recipient,
    contents: Mapping[str, str],
) -> ChosenContent | None:
    """What the message is made of, in the contact's language; None if there is nothing."""
    if template is None:
        try:
            return await context.catalog.content_of_step(conn, definition, step)
        except TemplateError:
            # Composition fails the message by name.
            return None
    locale = choose_locale(contact.locale, contents)
    if locale not in contents:
        return None
    content = await context.catalog.content(conn, contents[locale])
    return None if content is None else ChosenContent(content, contents[locale], locale or None)


async def read_variables(
    conn: AsyncConnection[Any],
    run: RunRow,
    definition: Definition,
    step: SendStep,
    settings: EffectiveSend,
    contact: Recipient,
    chosen: ChosenContent | None,
) -> tuple[dict[str, Any], dict[Reference, Any]]:
    """What templates read, and the values of the references in a webhook's body."""
    variables: dict[str, Any] = {"contact": contact.variables, "entry": run.entry}
    operands = Operands(conn, run)
    reads = () if chosen is None else chosen.content.reads
    texts = f"{definition.written(step)} {settings.from_} {settings.reply_to}"
    if "steps" in reads or "steps" in texts:
        variables["steps"] = await operands.steps()
    if "entries" in reads or "entries" in texts:
        variables["entries"] = await entries_of(conn, run)
    references: dict[Reference, Any] = {}
    if isinstance(step, WebhookStep):
        for reference in references_in(step.webhook.body):
            references[reference] = await operands.resolve(reference)
    return variables, references
