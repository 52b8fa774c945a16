"""Route of test messages: a template, saved or still being written, to an address."""

from __future__ import annotations

import asyncio
from typing import Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from api.definitions.documents import Key
from api.definitions.template_previews import (
    Sample,
    TemplateText,
    chosen_locale,
    contact_of,
    contents_of_text,
    hashes_of,
)
from api.http.audit import UsedActor
from api.http.bodies import LargeRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from api.services import UsedServices
from journeys.model.addresses import check_email, normalise_phone
from journeys.model.test_recipients import TestRecipients
from journeys.protocol.channels import SEND_QUEUES
from journeys.protocol.names import QUEUE, TEST_MESSAGE, workflow_id_of_test
from journeys.protocol.payloads import TestMessageInput
from store.definitions.contents import keep_contents
from store.definitions.documents import list_documents
from store.messages.messages_of_tests import add_test_message, read_test_message
from store.operations.audit import record_audit
from store.tables.messages import TestMessageState

_WAIT = 20.0
"""Seconds for which an answer waits for a test message."""
_MOST_RECIPIENTS = 1_000
"""Documents of test recipients that are looked at."""

router = APIRouter(
    prefix="/v1",
    tags=["documents"],
    route_class=LargeRoute,
    dependencies=[Depends(requires("operate"))],
)


class TestMessageBody(Sample):
    """A test message: a template, to an address."""

    __test__ = False
    to: str = Field(min_length=3, max_length=500)
    """An e-mail address, or a phone number in E.164 for an SMS."""
    text: TemplateText | None = None
    """The template as it is being written; by default as it was saved."""


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
    "/templates/{key}/send",
    summary="Send a template to an address, as a test",
    responses=responses(403, 404, 409, 422, 503),
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
    contents = None if body.text is None else await contents_of_text(services, body.text)
    async with services.pool.connection() as conn:
        await _check_test_recipient(conn, recipient)
        contact = await contact_of(conn, body.contact)
        known = await hashes_of(conn, key) if contents is None else contents
        locale = chosen_locale(f"template {key}", known, body.locale, contact)
        async with conn.transaction():
            content = None
            if contents is not None:
                [content] = await keep_contents(conn, [contents[locale].as_json()])
            await add_test_message(
                conn,
                message_id=message_id,
                template=key,
                channel=channel,
                recipient=recipient,
                contact_id=None if contact is None else contact.id,
                variables=body.variables,
                locale=body.locale,
                content=content,
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
