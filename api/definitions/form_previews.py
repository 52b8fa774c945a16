"""Preview of a form that is being written: its hosted page, and the page after a submission."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.definitions import saving
from api.definitions.template_previews import Locale
from api.http.bodies import LargeRoute
from api.http.keys import requires_one_of
from api.http.problems import Problem, responses
from api.http.strict_models import StrictBody
from api.public.hosted_form_page import Filled, ShownForm, form_page, thanks_page
from api.public.page_html import Look
from api.public.page_route import host_of
from api.services import Services, UsedServices
from journeys.model.brands import DEFAULT_BRAND, BrandTexts, brand_of
from journeys.model.forms import Form
from journeys.source.yaml_reader import LONGEST_TEXT
from store.definitions.documents import read_document
from store.sql import Connection

_NO_STAMP: Final = ""
"""A preview cannot be sent."""

router = APIRouter(
    prefix="/v1",
    tags=["documents"],
    route_class=LargeRoute,
    dependencies=[Depends(requires_one_of("read", "edit"))],
)


class FormText(StrictBody):
    """A form that is being written, and which of its pages is shown."""

    text: str = Field(max_length=LONGEST_TEXT, description="the text of a form, as YAML or JSON")
    locale: Locale = None
    """The language of its visitor; by default that of the form."""
    page: Literal["form", "thanks"] = "form"


class FormPreview(BaseModel):
    """A page of a form."""

    html: str
    """It cannot be sent."""
    locale: str
    """The language that was chosen."""
    locales: list[str]
    """The languages that it has, its own first."""
    address: str | None
    """Where its page is once it is saved; null without `PARCOURS_PUBLIC_URL`."""
    leads_to: str | None
    """The page that follows a submission, if it is another one."""


@router.post(
    "/forms/preview",
    summary="Show a form that is being written as a visitor would see it",
    responses=responses(422, 503),
)
async def post_form_preview(body: FormText, services: UsedServices) -> FormPreview:
    """Its topic and its brand are those of the server. Nothing is saved or recorded."""
    preparation, _ = await saving.prepare_documents(services, [("form", body.text)])
    documents = preparation.documents
    if len(documents) != 1 or documents[0].kind != "form":
        raise Problem(422, "invalid_document", "one form is expected")
    form = Form.model_validate(documents[0].content)
    locale = form.locale_for([] if body.locale is None else [body.locale])
    async with services.pool.connection() as conn:
        shown = await _shown(conn, services, form, locale)
    own = shown.words.thanks
    links = services.links
    return FormPreview(
        html=await asyncio.to_thread(_html, shown, body.page),
        locale=locale,
        locales=[form.language, *(each for each in form.locales if each != form.language)],
        address=None if links is None else f"{links.public_url}/f/{form.key}",
        leads_to=None if own is None else own.url,
    )


def _html(shown: ShownForm, page: Literal["form", "thanks"]) -> str:
    made = thanks_page(shown) if page == "thanks" else form_page(shown, _NO_STAMP, Filled())
    return bytes(made.body).decode()


async def _shown(conn: Connection, services: Services, form: Form, locale: str) -> ShownForm:
    topic = None if form.topic is None else await read_document(conn, "topic", form.topic)
    keys = [form.brand, None if topic is None else topic.document.get("brand"), DEFAULT_BRAND]
    brand = None
    for key in keys:
        stored = None if key is None else await read_document(conn, "brand", key)
        if stored is not None:
            brand = brand_of(stored.document)
            break
    look = Look(brand, BrandTexts(brand, [locale]), host_of(services))
    return ShownForm(form, look, locale, None if topic is None else topic.document.get("name"))
