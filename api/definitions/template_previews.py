"""Previews of templates: as a contact would get them, saved or still being written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.definitions import saving
from api.definitions.documents import Key
from api.http.bodies import LargeRoute
from api.http.keys import UsedKey, requires_one_of
from api.http.problems import Problem, responses, unknown
from api.http.strict_models import StrictBody
from api.services import Services, UsedServices
from journeys.checks.content_lint import advice
from journeys.links.message_urls import SAMPLE_LINKS, link_variables
from journeys.model.sms_parts import count_parts
from journeys.source.yaml_reader import LONGEST_TEXT
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
from store.definitions.documents import read_document
from store.sql import Connection

_RENDERED_AT_ONCE = asyncio.Semaphore(2)
_MOST_LINKS: Final = 200
_NO_MESSAGE: Final = UUID(int=0)
"""Whose links a preview has: they lead to the page of wrong links."""

router = APIRouter(
    prefix="/v1",
    tags=["documents"],
    route_class=LargeRoute,
    dependencies=[Depends(requires_one_of("read", "edit"))],
)

Locale = Annotated[str | None, Field(max_length=40)]
TemplateText = Annotated[
    str, Field(max_length=LONGEST_TEXT, description="the text of a template, as YAML or JSON")
]


class Sample(StrictBody):
    """Whose attributes a template prints, and in which language."""

    contact: str | None = Field(default=None, min_length=1, max_length=500)
    """Without one, only `variables` are read."""
    variables: dict[str, Any] = Field(default_factory=dict)
    """`contact`, `entry`, `entries` and `steps`; what is given of the contact counts more."""
    locale: Locale = None
    """By default the contact's."""


class TextSample(Sample):
    """A template that is being written, and whose attributes it prints."""

    text: TemplateText


class SmsParts(BaseModel):
    """The size of a text message."""

    encoding: Literal["GSM-7", "UCS-2"]
    """One character outside of GSM-7 makes the whole text UCS-2."""
    characters: int
    """Septets or 16-bit units."""
    parts: int
    """The parts that carriers bill."""


class PreviewLink(BaseModel):
    """A link of the HTML."""

    url: str
    words: str
    """What is written on it; empty on a picture."""


class TemplatePreview(BaseModel):
    """A template as a contact would get it. A text that fails is null, and a warning says why."""

    subject: str | None
    preheader: str | None
    html: str | None
    text: str | None
    sms: str | None
    locale: str | None
    """The locale of the template that was chosen; null: the template itself."""
    locales: list[str]
    """The locales that it has; empty: the template itself."""
    content: str
    """The hash of the content, as messages record it."""
    prints: list[str]
    """The attributes that it prints and for which it has no default, as paths."""
    html_bytes: int | None
    links: list[PreviewLink]
    """The links of the HTML in their order, 200 at most; those of the contact's own pages lead to
    nothing."""
    sms_parts: SmsParts | None
    warnings: list[str]


@router.post(
    "/templates/preview",
    summary="Show a template that is being written as a contact would get it",
    responses=responses(403, 404, 409, 422, 503),
)
async def post_text_preview(
    body: TextSample, services: UsedServices, used: UsedKey
) -> TemplatePreview:
    """Its layout and its partials are those of the server. Nothing is saved, sent or recorded.

    A contact needs a key that may read contacts.
    """
    _check_may_read(body, used)
    contents = await contents_of_text(services, body.text)
    async with services.pool.connection() as conn:
        contact = await contact_of(conn, body.contact)
    locale = chosen_locale("it", contents, body.locale, contact)
    return await _preview(services, body, contact, contents[locale], locale, list(contents))


@router.post(
    "/templates/{key}/preview",
    summary="Show a template as a contact would get it",
    responses=responses(403, 404, 409, 422),
)
async def post_preview(
    key: Key, body: Sample, services: UsedServices, used: UsedKey
) -> TemplatePreview:
    """Nothing is sent, and nothing is recorded. A contact needs a key that may read contacts."""
    _check_may_read(body, used)
    async with services.pool.connection() as conn:
        contact = await contact_of(conn, body.contact)
        hashes = await hashes_of(conn, key)
        locale = chosen_locale(f"template {key}", hashes, body.locale, contact)
        content = await services.catalog.content(conn, hashes[locale])
    if content is None:
        raise no_content(f"template {key}", hashes)
    return await _preview(services, body, contact, content, locale, list(hashes))


def _check_may_read(body: Sample, used: UsedKey) -> None:
    """Raise Problem 403 if a contact is named, and the key may not read contacts."""
    if body.contact is not None and not used.includes("read"):
        raise Problem(403, "forbidden", "this key may not read contacts: give `variables`")


# ---------------------------------------------------------------------- contacts and contents


async def contact_of(conn: Connection, reference: str | None) -> ContactRow | None:
    """The contact that a body names. Raises Problem 404."""
    if reference is None:
        return None
    contact_id = await find_contact(conn, reference)
    contact = None if contact_id is None else await read_contact(conn, contact_id)
    if contact is None:
        raise unknown("contact", reference)
    return contact


async def contents_of_text(services: Services, text: str) -> dict[str, Content]:
    """The contents of the one template of a text, by locale. Raises Problem 422 with its errors."""
    preparation, _ = await saving.prepare_documents(services, [("template", text)])
    documents = preparation.documents
    if len(documents) != 1 or documents[0].kind != "template":
        raise Problem(422, "invalid_document", "one template is expected")
    return {locale: Content.from_json(content) for locale, content in documents[0].contents.items()}


async def hashes_of(conn: Connection, key: str) -> dict[str, str]:
    """The hashes of the contents of a template, by locale. Raises Problem 404 or 409."""
    hashes = await template_contents(conn, key)
    if hashes:
        return hashes
    if await read_document(conn, "template", key) is None:
        raise unknown("template", key)
    raise Problem(409, "not_compiled", f"template {key} was saved by an older version: apply it")


def chosen_locale(
    name: str, contents: Mapping[str, object], locale: str | None, contact: ContactRow | None
) -> str:
    """The locale whose content a contact gets. Raises Problem 409 if there is none."""
    wanted = locale or (None if contact is None else contact.locale)
    chosen = choose_locale(wanted, contents)
    if chosen not in contents:
        raise no_content(name, contents)
    return chosen


def no_content(name: str, contents: Mapping[str, object]) -> Problem:
    """Problem 409: a template has nothing in the language that is wanted."""
    languages = ", ".join(sorted(contents)) or "no language"
    return Problem(409, "no_content", f"{name} has content only in {languages}")


# ------------------------------------------------------------------------------- rendering


async def _preview(
    services: Services,
    sample: Sample,
    contact: ContactRow | None,
    content: Content,
    locale: str,
    locales: list[str],
) -> TemplatePreview:
    links = (
        SAMPLE_LINKS if services.links is None else link_variables(services.links.of(_NO_MESSAGE))
    )
    variables = sample_variables(
        None if contact is None else contact.variables, sample.variables, links
    )
    zone = zone_of(None if contact is None else contact.timezone, None)
    rendering = Rendering(variables, Moment(datetime.now(UTC), zone), Budget())
    async with _RENDERED_AT_ONCE:
        return await asyncio.to_thread(_rendered, rendering, content, locale, locales)


def _rendered(
    rendering: Rendering, content: Content, locale: str, locales: list[str]
) -> TemplatePreview:
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

    subject = part("subject", content.subject)
    preheader = part("preheader", content.preheader)
    html = part("html", content.html, html=True)
    text = part("text", content.text, made=content.text_made)
    sms = part("sms", content.sms)
    notes = [each.message if each.hint is None else f"{each.message}; {each.hint}"
             for each in advice(content)]  # fmt: skip
    return TemplatePreview(
        subject=subject,
        preheader=preheader,
        html=html,
        text=text,
        sms=sms,
        locale=locale or None,
        locales=sorted(locales),
        content=content.hash,
        prints=list(content.prints),
        html_bytes=None if html is None else len(html.encode()),
        links=[] if html is None else _links_of(html),
        sms_parts=None if sms is None else _parts_of(sms),
        warnings=list(dict.fromkeys([*warnings, *notes])),
    )


def _parts_of(sms: str) -> SmsParts:
    parts = count_parts(sms)
    return SmsParts(encoding=parts.encoding, characters=parts.characters, parts=parts.parts)


class _Links(HTMLParser):
    """The links of a rendered HTML, with the words on them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[PreviewLink] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        if tag in ("a", "area"):
            url = dict(attrs).get("href")
            self._open = tag == "a" and url is not None
            if url is not None:
                self.found.append(PreviewLink(url=url, words=""))

    def handle_endtag(self, tag: str) -> None:
        """Called by the parser."""
        if tag == "a":
            self._open = False

    def handle_data(self, data: str) -> None:
        """Called by the parser."""
        if self._open:
            link = self.found[-1]
            link.words = " ".join(f"{link.words} {data}".split())


def _links_of(html: str) -> list[PreviewLink]:
    links = _Links()
    links.feed(html)
    links.close()
    return links.found[:_MOST_LINKS]
