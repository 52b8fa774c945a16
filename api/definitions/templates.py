"""Routes of templates beside those of all documents: preview, and test messages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from api.definitions.documents import Key
from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import UsedKey, requires
from api.http.problems import Problem, responses, unknown
from api.http.strict_models import StrictBody
from api.services import Services, UsedServices
from journeys.checks.content_lint import advice
from journeys.links.message_urls import SAMPLE_LINKS, link_variables
from journeys.model.addresses import check_email, normalise_phone
from journeys.model.test_recipients import TestRecipients
from journeys.protocol.channels import SEND_QUEUES
from journeys.protocol.names import QUEUE, TEST_MESSAGE, workflow_id_of_test
from journeys.protocol.payloads import TestMessageInput
from journeys.templating.contents import Content, choose_locale
from journeys.templating.liquid import Budget, Moment
from journeys.templating.rendering import (
    Rendering,
    RenderingFailed,
    RenderingTooLarge,
    sample_variables,
)
from journeys.time.zones import zone_of
from store.contacts.rows import ContactRow, find_contact, read_contact
from store.definitions.contents import template_contents
from store.definitions.documents import list_documents, read_document
from store.messages.messages_of_tests import add_test_message, read_test_message
from store.operations.audit import record_audit
from store.tables.messages import TestMessageState

_RENDERED_AT_ONCE = asyncio.Semaphore(2)
_WAIT = 20.0
"""Seconds for which an answer waits for a test message."""
_MOST_RECIPIENTS = 1_000
"""Documents of test recipients that are looked at."""
_NO_MESSAGE = UUID(int=0)
"""Whose links a preview has: they lead to the page of wrong links."""

router = APIRouter(
    prefix="/v1",
    tags=["documents"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("edit"))],
)

Locale = Annotated[str | None, Field(max_length=40)]


class Sample(StrictBody):
    """Whose attributes a template prints, and in which language."""

    contact: str | None = Field(default=None, min_length=1, max_length=500)
    """Without one, only `variables` are read."""
    variables: dict[str, Any] = Field(default_factory=dict)
    """`contact`, `entry`, `entries` and `steps`; what is given of the contact counts more."""
    locale: Locale = None
    """By default the contact's."""


class TemplatePreview(BaseModel):
    """A template as a contact would get it. A text that fails is null, and a warning says why."""

    subject: str | None
    preheader: str | None
    html: str | None
    text: str | None
    sms: str | None
    locale: str | None
    """The locale of the template that was chosen; null: the template itself."""
    content: str
    """The hash of the content, as messages record it."""
    warnings: list[str]


class TestMessageBody(Sample):
    """A test message: a template, to an address."""

    __test__ = False
    to: str = Field(min_length=3, max_length=500)
    """An e-mail address, or a phone number in E.164 for an SMS."""


class SentTest(BaseModel):
    """What came of a test message."""

    id: UUID
    """The message id, as in the header X-Parcours-Message."""
    channel: Literal["email", "sms"]
    state: TestMessageState
    """`queued` or `claimed`: it is still being sent."""
    code: str | None
    detail: str | None
    content: str | None


@router.post(
    "/templates/{key}/preview",
    summary="Show a template as a contact would get it",
    responses=responses(403, 404, 409, 422),
)
async def post_preview(
    key: Key, body: Sample, services: UsedServices, used: UsedKey
) -> TemplatePreview:
    """Nothing is sent, and nothing is recorded. A contact needs a key that may read contacts."""
    if body.contact is not None and not used.includes("read"):
        raise Problem(403, "forbidden", "this key may not read contacts: give `variables`")
    async with services.pool.connection() as conn:
        contact = await _contact(conn, body.contact)
        content, locale, name = await _content(conn, services, key, body.locale, contact)
    async with _RENDERED_AT_ONCE:
        return await asyncio.to_thread(_preview, services, body, contact, content, locale, name)


@router.post(
    "/templates/{key}/send",
    summary="Send a template to an address, as a test",
    responses=responses(403, 404, 409, 422, 503),
    dependencies=[Depends(requires("operate"))],
)
async def post_send(
    key: Key, body: TestMessageBody, services: UsedServices, actor: UsedActor
) -> SentTest:
    """Send by the configured provider, at most once, without asking what the contact agreed to.

    Where there are documents `test_recipients`, only an address of theirs gets one.
    A mail has the header `X-Parcours-Test`. An address on the suppression list gets nothing.
    """
    channel, recipient = _recipient(body.to)
    message_id = uuid4()
    async with services.pool.connection() as conn:
        await _check_test_recipient(conn, recipient)
        contact = await _contact(conn, body.contact)
        await _content(conn, services, key, body.locale, contact)
        async with conn.transaction():
            await add_test_message(
                conn,
                message_id=message_id,
                template=key,
                channel=channel,
                recipient=recipient,
                contact_id=None if contact is None else contact.id,
                variables=body.variables,
                locale=body.locale,
            )
            after = {"channel": channel, "message": message_id}
            await record_audit(conn, actor, "template.send", f"template:{key}", after=after)
    try:
        handle = await services.temporal.start_workflow(
            TEST_MESSAGE,
            TestMessageInput(id=message_id, queue=SEND_QUEUES[channel]),
            id=workflow_id_of_test(message_id),
            task_queue=QUEUE,
        )
    except (RPCError, RuntimeError):
        raise Problem(
            503, "temporal_away", "Temporal can't be reached: nothing was sent, try again"
        ) from None
    try:
        async with asyncio.timeout(_WAIT):
            await handle.result()
    except (TimeoutError, RPCError, RuntimeError, WorkflowFailureError):
        # The message says how far it has come.
        pass
    async with services.pool.connection() as conn:
        row = await read_test_message(conn, message_id)
    assert row is not None
    return SentTest(
        id=message_id,
        channel=channel,
        state=row.state,
        code=row.code,
        detail=row.detail,
        content=row.content,
    )


async def _check_test_recipient(conn: Any, recipient: str) -> None:
    """Raise Problem 409 for an address that is not among the test recipients, if there are any."""
    documents = await list_documents(conn, "test_recipients", "", _MOST_RECIPIENTS)
    named = [TestRecipients.model_validate(each.document) for each in documents]
    if named and not any(each.include(recipient) for each in named):
        keys = ", ".join(each.key for each in named)
        raise Problem(
            409, "no_test_recipient", f"tests go to test_recipients alone: {keys}; add it there"
        )


async def _contact(conn: Any, reference: str | None) -> ContactRow | None:
    """The contact that a body names. Raises Problem 404."""
    if reference is None:
        return None
    contact_id = await find_contact(conn, reference)
    contact = None if contact_id is None else await read_contact(conn, contact_id)
    if contact is None:
        raise unknown("contact", reference)
    return contact


async def _content(
    conn: Any, services: Services, key: str, locale: str | None, contact: ContactRow | None
) -> tuple[Content, str, str]:
    """The content in the language, its locale and its hash. Raises Problem 404 or 409."""
    hashes = await template_contents(conn, key)
    wanted = locale or (None if contact is None else contact.locale)
    chosen = choose_locale(wanted, hashes)
    content = await services.catalog.content(conn, hashes[chosen]) if chosen in hashes else None
    if content is not None:
        return content, chosen, hashes[chosen]
    if await read_document(conn, "template", key) is None:
        raise unknown("template", key)
    if not hashes:
        raise Problem(
            409, "not_compiled", f"template {key} was saved by an older version: apply it"
        )
    languages = ", ".join(sorted(hashes))
    raise Problem(409, "no_content", f"template {key} has content only in {languages}")


def _preview(
    services: Services,
    body: Sample,
    contact: ContactRow | None,
    content: Content,
    locale: str,
    name: str,
) -> TemplatePreview:
    links = (
        SAMPLE_LINKS if services.links is None else link_variables(services.links.of(_NO_MESSAGE))
    )
    variables = sample_variables(
        None if contact is None else contact.variables, body.variables, links
    )
    zone = zone_of(None if contact is None else contact.timezone, None)
    rendering = Rendering(variables, Moment(datetime.now(UTC), zone), Budget())
    warnings: list[str] = []

    def part(of: str, text: str | None, *, html: bool = False, made: bool = False) -> str | None:
        if text is None:
            return None
        try:
            if made:
                return rendering.made_text(text)
            rendered = rendering.words(of, text, html=html)
        except (RenderingFailed, RenderingTooLarge) as error:
            warnings.append(str(error))
            return None
        return " ".join(rendered.split()) if of in ("subject", "preheader") else rendered

    shown = TemplatePreview(
        subject=part("subject", content.subject),
        preheader=part("preheader", content.preheader),
        html=part("html", content.html, html=True),
        text=part("text", content.text, made=content.text_made),
        sms=part("sms", content.sms),
        locale=locale or None,
        content=name,
        warnings=[],
    )
    notes = [each.message if each.hint is None else f"{each.message}; {each.hint}"
             for each in advice(content)]  # fmt: skip
    shown.warnings = list(dict.fromkeys([*warnings, *notes]))
    return shown


def _recipient(to: str) -> tuple[Literal["email", "sms"], str]:
    """The channel and the address. Raises Problem 422."""
    try:
        if "@" in to:
            return "email", check_email(to)
        return "sms", normalise_phone(to)
    except ValueError as error:
        raise Problem(
            422, "invalid_request", f"`to`: {error}; give an e-mail address or a phone number"
        ) from None
