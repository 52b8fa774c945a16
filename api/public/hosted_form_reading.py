"""A form as it was posted: by a page without scripts, or by the script of a page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from fastapi import Request

from api.http.bodies import StrictRequest
from api.http.problems import Problem
from api.public.form_robots import HIDDEN_FIELD
from api.public.forms import read_form
from api.public.hosted_form_page import CONSENT_FIELD, LANGUAGE_FIELD, STAMP_FIELD
from api.public.page_route import by_script
from journeys.model.consents import TEXT_LIMIT
from journeys.model.identifiers import find_id_flaw

_ID_LIMIT: Final = 500
_PAGE_LIMIT: Final = 500
_VALUE_LIMIT: Final = 64


@dataclass(frozen=True, slots=True)
class PostedForm:
    """What came with a form."""

    values: Mapping[str, Sequence[str]]
    """The texts by field."""
    stamp: str = ""
    hidden: str = ""
    """What stands in the field that people do not see."""
    language: str = ""
    agreed: bool = False
    """Whether the box of the consent is ticked."""
    shown_consent: str | None = None
    """What the visitor was shown, if a page says its own."""
    anonymous_id: str | None = None
    page: str | None = None
    """The page on which it stood, without its query."""


async def read_posted(request: Request) -> PostedForm:
    """The form of a request. Raises Problem 400 for JSON that cannot be read."""
    if by_script(request):
        assert isinstance(request, StrictRequest)
        return _of_script(await request.json())
    form = read_form(request.headers.get("content-type", ""), await request.body())

    def text(name: str) -> str:
        return next(iter(form.get(name, ())), "")

    return PostedForm(
        values=form,
        stamp=text(STAMP_FIELD),
        hidden=text(HIDDEN_FIELD),
        language=text(LANGUAGE_FIELD)[:_VALUE_LIMIT],
        agreed=bool(text(CONSENT_FIELD)),
    )


def _of_script(body: Any) -> PostedForm:
    if not isinstance(body, dict) or not isinstance(body.get("fields"), dict):
        raise Problem(400, "invalid_body", "fields: must be an object of texts")
    values: dict[str, list[str]] = {}
    for name, value in body["fields"].items():
        given = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str | bool) for each in given):
            raise Problem(400, "invalid_body", "fields: must be an object of texts")
        # A box that is not ticked is false.
        values[name] = [
            each if isinstance(each, str) else "on" for each in given if each is not False
        ]

    def text(name: str) -> str:
        found = body.get(name)
        return found if isinstance(found, str) else ""

    # A page breaks its lines where they happen to end.
    shown = " ".join(text("text").split())[:TEXT_LIMIT]
    return PostedForm(
        values=values,
        stamp=text("stamp"),
        hidden=next(iter(values.get(HIDDEN_FIELD, ())), ""),
        language=text("lang")[:_VALUE_LIMIT],
        agreed=any(values.get(CONSENT_FIELD, ())),
        shown_consent=shown or None,
        anonymous_id=_anonymous_id(text("anonymousId")),
        page=_page(text("page")),
    )


def _anonymous_id(text: str) -> str | None:
    """What the browser is known by; one that cannot be is left out."""
    if not text or len(text) > _ID_LIMIT or find_id_flaw(text) is not None:
        return None
    return text


def _page(text: str) -> str | None:
    """The address of a page: its query, which may hold anything, is left out."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc or len(text) > 4 * _PAGE_LIMIT:
        return None
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:_PAGE_LIMIT]


def message_id_of(stamp_id: str, values: Mapping[str, Any], agreed: bool) -> str:
    """The id of a submission: the same for the same answers in a form that was shown once.

    A person may come back, correct an answer and send it again.
    """
    said = orjson.dumps([dict(values), agreed], option=orjson.OPT_SORT_KEYS)
    return f"{stamp_id}.{hashlib.sha256(said).hexdigest()[:16]}"
