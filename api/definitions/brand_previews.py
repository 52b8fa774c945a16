"""Preview of a brand that is being written: the page on which its readers unsubscribe."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.definitions import saving
from api.definitions.template_previews import Locale
from api.http.bodies import LargeRoute
from api.http.keys import requires_one_of
from api.http.problems import Problem, responses
from api.http.strict_models import StrictBody
from api.public.page_html import page_response
from api.public.page_route import host_of
from api.public.page_texts import Reader, unsubscribe_page
from api.services import UsedServices
from journeys.links.message_urls import MessageUrls
from journeys.links.tokens import LinkKeys
from journeys.model.brands import Brand
from journeys.model.page_texts import LANGUAGES
from journeys.source.yaml_reader import LONGEST_TEXT
from store.events.page_choices import Standing
from store.events.page_subjects import PageSubject

_NO_ONE: Final = UUID(int=0)
_ADDRESS: Final = "ada@example.com"
_ASKED: Final = Standing(topic=None, channels={}, undo=None)

router = APIRouter(
    prefix="/v1",
    tags=["documents"],
    route_class=LargeRoute,
    dependencies=[Depends(requires_one_of("read", "edit"))],
)


class BrandText(StrictBody):
    """A brand that is being written."""

    text: str = Field(max_length=LONGEST_TEXT, description="the text of a brand, as YAML or JSON")
    locale: Locale = None
    """The language of the reader; by default English."""


class BrandPreview(BaseModel):
    """What readers see of a brand."""

    html: str
    """The page on which they unsubscribe. Its links and buttons do nothing."""
    locale: str
    """The language that was chosen."""
    locales: list[str]
    """The languages that its pages can have."""
    sender: str | None
    """The From of its e-mails; null: that of the installation."""
    reply_to: str | None


@router.post(
    "/brands/preview",
    summary="Show a brand that is being written as readers would see it",
    responses=responses(422, 503),
)
async def post_brand_preview(body: BrandText, services: UsedServices) -> BrandPreview:
    """Nothing is saved or recorded."""
    preparation, _ = await saving.prepare_documents(services, [("brand", body.text)])
    documents = preparation.documents
    if len(documents) != 1 or documents[0].kind != "brand":
        raise Problem(422, "invalid_document", "one brand is expected")
    content = documents[0].content
    brand = Brand.model_validate(content)
    reader = _reader(content, body.locale, host_of(services))
    return BrandPreview(
        html=await asyncio.to_thread(_html, reader),
        locale=reader.look.texts.locale,
        locales=sorted({*LANGUAGES, *brand.texts}),
        sender=brand.from_,
        reply_to=brand.reply_to,
    )


def _reader(brand: dict[str, object], locale: str | None, host: str) -> Reader:
    subject = PageSubject(
        message_id=_NO_ONE,
        contact_id=_NO_ONE,
        channel="email",
        step="",
        sent_to=_ADDRESS,
        topic=None,
        topic_name=None,
        email=_ADDRESS,
        phone=None,
        locale=locale,
        brand=brand,
    )
    # A key that no one has: what it signs leads to the page of wrong links.
    urls = MessageUrls("", LinkKeys([secrets.token_hex(32)]), _NO_ONE)
    return Reader.of(subject, [], host, urls)


def _html(reader: Reader) -> str:
    return bytes(page_response(unsubscribe_page(reader, _ASKED), reader.look).body).decode()
