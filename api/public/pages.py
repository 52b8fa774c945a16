"""Routes of the pages behind links: unsubscribe, preferences, confirmation, view in browser.

The link alone lets its reader choose, without a key and without cookies. GET and HEAD change
nothing; a button posts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from psycopg.errors import DeadlockDetected, SerializationFailure

from api.public import page_texts
from api.public.forms import ONE_CLICK, Form, is_one_click, read_form
from api.public.page_html import message_response, page_response
from api.public.page_route import (
    PageRoute,
    busy_page,
    error_page,
    host_of,
    languages,
    page_responses,
)
from api.public.page_texts import Reader
from api.services import UsedServices
from journeys.links.tokens import LinkKind
from journeys.model.consents import ConsentSource, Evidence
from store.events import page_choices
from store.events.attribute_changes import derive_locale
from store.events.page_subjects import PageSubject, lock_page_subject, read_page_subject
from store.events.recording import ConcurrentChange
from store.messages.kept_contents import read_kept_content
from store.sql import Connection

router = APIRouter(tags=["pages"], route_class=PageRoute)

Token = Annotated[str, Path(description="the signed part of the link")]
Endpoint = Callable[..., Awaitable[Response]]
Decorator = Callable[[Endpoint], Endpoint]
Act = Callable[[Connection, Reader], Awaitable[Response]]
"""The page for a reader."""
FormAct = Callable[[Connection, Reader, Form, str], Awaitable[Response]]
"""Does what a form's action asks for, under the lock of the contact; the page that says so."""

_ATTEMPTS: Final = 3


async def _shown(
    request: Request, services: UsedServices, kind: LinkKind, token: str, act: Act
) -> Response:
    """The page of a link, which is only read."""
    message_id = _message_of(services, kind, token)
    if message_id is None:
        return error_page(request, "wrong", 404)
    if services.hits is not None:
        services.hits.record(request, kind, message_id)
    async with services.pool.connection() as conn:
        subject = await read_page_subject(conn, message_id)
        if subject is None:
            return error_page(request, "expired", 410)
        return await act(conn, _reader(request, services, subject))


async def _posted(
    request: Request,
    services: UsedServices,
    kind: LinkKind,
    token: str,
    actions: Collection[str],
    act: FormAct,
) -> Response:
    """The page that answers a form with one of these actions, whose choice is recorded."""
    message_id = _message_of(services, kind, token)
    if message_id is None:
        return error_page(request, "wrong", 404)
    form = read_form(request.headers.get("content-type", ""), await request.body())
    action = ONE_CLICK if is_one_click(form) else next(iter(form.get("action", ())), "")
    if action not in actions:
        return error_page(request, "invalid", 400)
    for _ in range(_ATTEMPTS):
        try:
            async with services.pool.connection() as conn, conn.transaction():
                subject = await lock_page_subject(conn, message_id)
                if subject is None:
                    return error_page(request, "expired", 410)
                response = await act(conn, _reader(request, services, subject), form, action)
                # One click is sent by the mail program, or by its server.
                if subject.locale is None and not is_one_click(form):
                    await derive_locale(conn, subject.contact_id, languages(request))
        except (ConcurrentChange, DeadlockDetected, SerializationFailure):
            continue
        services.notifier.wake()
        return response
    return busy_page(request)


def _message_of(services: UsedServices, kind: LinkKind, text: str) -> UUID | None:
    token = None if services.links is None else services.links.keys.read(text)
    return token.message_id if token is not None and token.kind == kind else None


def _reader(request: Request, services: UsedServices, subject: PageSubject) -> Reader:
    assert services.links is not None
    urls = services.links.of(subject.message_id)
    return Reader.of(subject, languages(request), host_of(services), urls)


def _evidence(
    request: Request, reader: Reader, source: ConsentSource, text: str | None
) -> Evidence:
    return Evidence(
        source=source,
        text=text,
        request_address=request.client.host if request.client is not None else None,
        message_id=reader.subject.message_id,
    )


def _page(path: str, summary: str, *statuses: int) -> Decorator:
    """The decorator of a page that is read by GET and HEAD."""

    def add(endpoint: Endpoint) -> Endpoint:
        for method in ("GET", "HEAD"):
            router.add_api_route(
                path,
                endpoint,
                methods=[method],
                summary=summary,
                include_in_schema=method == "GET",
                response_class=Response,
                responses=page_responses(*statuses),
                openapi_extra={"security": []},
            )
        return endpoint

    return add


def _form_of(path: str, summary: str, fields: dict[str, Any]) -> Decorator:
    """The decorator of what a page's form posts to."""
    schema = {"type": "object", "properties": fields}
    content = {
        kind: {"schema": schema}
        for kind in ("application/x-www-form-urlencoded", "multipart/form-data")
    }
    return router.post(
        path,
        summary=summary,
        response_class=Response,
        responses=page_responses(200, 400, 404, 408, 410, 413, 415, 503),
        openapi_extra={"security": [], "requestBody": {"content": content}},
    )


# ------------------------------------------------------------------------------------ unsubscribe


@_page("/u/{token}", "Show the page to unsubscribe", 200, 404, 410, 503)
async def show_unsubscribe(token: Token, request: Request, services: UsedServices) -> Response:
    """Ask whether to leave the message's topic or its channel, or say that it was left."""

    async def show(conn: Connection, reader: Reader) -> Response:
        standing = await page_choices.read_standing(conn, reader.subject)
        return page_response(page_texts.unsubscribe_page(reader, standing), reader.look)

    return await _shown(request, services, "unsubscribe", token, show)


@_form_of(
    "/u/{token}",
    "Unsubscribe, or undo it",
    {
        "List-Unsubscribe": {"type": "string"},
        "action": {"type": "string", "enum": ["topic", "channel", "undo"]},
    },
)
async def unsubscribe(token: Token, request: Request, services: UsedServices) -> Response:
    """Leave the topic or the channel, at once; a mail program posts one click (RFC 8058)."""

    async def act(conn: Connection, reader: Reader, _form: Form, action: str) -> Response:
        before = await page_choices.read_standing(conn, reader.subject)
        notice = None
        if action == ONE_CLICK:
            evidence = _evidence(request, reader, "one_click", ONE_CLICK)
            await page_choices.unsubscribe(conn, reader.subject, "topic", evidence)
        elif action == "undo":
            evidence = _evidence(request, reader, "page", page_texts.undo_words(reader, before))
            undone = await page_choices.undo(conn, reader.subject, evidence)
            if undone is not None:
                return page_response(page_texts.undone_page(reader, undone), reader.look)
            notice = reader.look.texts.html("undo_refused")
        else:
            scope: page_choices.Scope = "channel" if action == "channel" else "topic"
            shown = page_texts.unsubscribe_words(reader, scope)
            evidence = _evidence(request, reader, "page", shown)
            await page_choices.unsubscribe(conn, reader.subject, scope, evidence)
        standing = await page_choices.read_standing(conn, reader.subject)
        page = page_texts.unsubscribe_page(reader, standing, notice=notice)
        return page_response(page, reader.look)

    actions = ("topic", "channel", "undo", ONE_CLICK)
    return await _posted(request, services, "unsubscribe", token, actions, act)


# ------------------------------------------------------------------------------------ preferences


@_page("/p/{token}", "Show the preferences of a contact", 200, 404, 410, 503)
async def show_preferences(token: Token, request: Request, services: UsedServices) -> Response:
    """All topics and channels, as the contact has chosen."""

    async def show(conn: Connection, reader: Reader) -> Response:
        choices = await page_texts.read_choices(conn, reader)
        return page_response(page_texts.preferences_page(reader, choices), reader.look)

    return await _shown(request, services, "preferences", token, show)


@_form_of(
    "/p/{token}",
    "Save the preferences of a contact",
    {
        "action": {"type": "string", "enum": ["save"]},
        **{
            # Text, once or several times. A form has no types, so none is promised.
            name: {"description": "A key; it may be given several times."}
            for name in ("shown_topic", "topic", "shown_channel", "channel")
        },
    },
)
async def save_preferences(token: Token, request: Request, services: UsedServices) -> Response:
    """Subscribe and unsubscribe; topics that were not shown stay as they are."""

    async def act(conn: Connection, reader: Reader, form: Form, _action: str) -> Response:
        evidence = _evidence(request, reader, "page", page_texts.preferences_words(reader))
        await page_choices.choose(
            conn,
            reader.subject,
            evidence,
            shown_topics={*form.get("shown_topic", ())},
            topics={*form.get("topic", ())},
            shown_channels={*form.get("shown_channel", ())},
            channels={*form.get("channel", ())},
        )
        choices = await page_texts.read_choices(conn, reader)
        return page_response(page_texts.preferences_page(reader, choices, saved=True), reader.look)

    return await _posted(request, services, "preferences", token, ("save",), act)


# ----------------------------------------------------------------------------------- confirmation


@_page("/c/{token}", "Show the page to confirm a subscription", 200, 404, 410, 503)
async def show_confirmation(token: Token, request: Request, services: UsedServices) -> Response:
    """Ask whether the contact wants the message's topic at the address that the message went to."""

    async def show(conn: Connection, reader: Reader) -> Response:
        standing = await page_choices.read_standing(conn, reader.subject)
        if reader.subject.still_there and standing.subscribed:
            return page_response(page_texts.confirmed_page(reader, standing), reader.look)
        return _confirmation(request, reader)

    return await _shown(request, services, "confirm", token, show)


@_form_of(
    "/c/{token}",
    "Confirm a subscription",
    {"action": {"type": "string", "enum": ["confirm"]}},
)
async def confirm(token: Token, request: Request, services: UsedServices) -> Response:
    """Record the confirmation, unless the contact has another address by now."""

    async def act(conn: Connection, reader: Reader, _form: Form, _action: str) -> Response:
        evidence = _evidence(request, reader, "confirmation", page_texts.confirmation_words(reader))
        if not await page_choices.confirm(conn, reader.subject, evidence):
            return _confirmation(request, reader)
        standing = await page_choices.read_standing(conn, reader.subject)
        return page_response(page_texts.confirmed_page(reader, standing), reader.look)

    return await _posted(request, services, "confirm", token, ("confirm",), act)


def _confirmation(request: Request, reader: Reader) -> Response:
    if reader.subject.topic is None:
        # Nothing can be confirmed by a message without a topic.
        return error_page(request, "wrong", 404)
    return page_response(page_texts.confirmation_page(reader), reader.look)


# ------------------------------------------------------------------------------------------- view


@_page("/v/{token}", "Show a message in the browser", 200, 404, 410, 503)
async def show_message(token: Token, request: Request, services: UsedServices) -> Response:
    """The message as it was sent, with plain links; or that its content is no longer kept."""

    async def show(conn: Connection, reader: Reader) -> Response:
        kept = await read_kept_content(conn, reader.subject.message_id)
        html = None if kept is None else kept.get("html")
        if html is not None:
            return message_response(html)
        text = None if kept is None else kept.get("text")
        if kept is None or text is None:
            return page_response(page_texts.gone_page(reader), reader.look, 410)
        return page_response(
            page_texts.message_page(reader, kept.get("subject"), text), reader.look
        )

    return await _shown(request, services, "view", token, show)
