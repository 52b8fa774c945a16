"""Routes of forms: the page of a form, and what it, or a form on another page, posts to.

No key is needed, and the answer says nothing about who is known here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
import structlog
from fastapi import APIRouter, Path, Request, Response
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from pydantic import ValidationError

from api.http.problems import Problem, problem_response
from api.public.form_robots import ROBOTIC, SHORTEST, SUBMISSIONS, Sign, judge_stamp
from api.public.hosted_form_page import (
    CONSENT_FIELD,
    FILLED_TRAP,
    Filled,
    ShownForm,
    form_page,
    thanks_page,
)
from api.public.hosted_form_reading import PostedForm, message_id_of, read_posted
from api.public.page_html import Look
from api.public.page_route import (
    HTML,
    FormRoute,
    by_script,
    error_page,
    host_of,
    languages,
    page_responses,
)
from api.services import Services, UsedServices
from journeys.links.form_stamps import FormStamp
from journeys.model.brands import BrandTexts, brand_of
from journeys.model.contact_fields import check_locale
from journeys.model.form_values import JudgedForm, judge_form
from journeys.model.forms import Form
from journeys.model.well_known_events import FORM_SUBMITTED
from store.events.recording import ConcurrentChange
from store.events.rejected_items import KeptItem, keep_rejected
from store.forms.form_documents import read_form_documents
from store.forms.submissions import SOURCE, Submission, take_submission

router = APIRouter(tags=["pages"], route_class=FormRoute)

FormKey = Annotated[str, Path(description="the key of the form", max_length=64)]

_STATUSES: Final[Mapping[Sign, int]] = {
    "hidden": 403,
    "forged": 403,
    "soon": 409,
    "missing": 409,
    "old": 409,
}
_ASKS: Final[Mapping[Sign, str]] = {"hidden": FILLED_TRAP, "soon": "form_again_soon"}
_AGAIN: Final = "form_again"
_MINUTE: Final = 60

_log = structlog.get_logger(__name__)

_OBJECT: Final[dict[str, Any]] = {"type": "object"}
_JSON: Final[dict[str, Any]] = {"application/json": {"schema": _OBJECT}}
_READ: Final = page_responses(200, 404, 503)
_READ[200]["content"] = {**HTML, **_JSON}
_POSTED: Final = page_responses(200, 303, 400, 403, 404, 408, 409, 413, 415, 422, 429, 503)
_PROBLEM: Final[dict[str, Any]] = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}
}
for _status, _answer in _POSTED.items():
    _answer["content"] = {**HTML, **(_JSON if _status == 200 else _PROBLEM)}
_READ[404]["content"] = {**HTML, **_PROBLEM}
_READ[503]["content"] = {**HTML, **_PROBLEM}
_BODY: Final[dict[str, Any]] = {
    "content": {
        "application/x-www-form-urlencoded": {"schema": _OBJECT},
        "multipart/form-data": {"schema": _OBJECT},
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["fields"],
                "properties": {
                    "fields": {"type": "object", "description": "texts by field"},
                    "stamp": {"type": "string", "description": "from GET"},
                    "anonymousId": {"type": "string"},
                    "text": {"type": "string", "description": "the consent that was shown"},
                    "lang": {"type": "string"},
                    "page": {"type": "string"},
                },
            }
        },
    }
}


async def show_form(form: FormKey, request: Request, services: UsedServices) -> Response:
    """The page of a form; for a script that asks for JSON, what it posts the form with."""
    shown = await _shown(request, services, form, request.query_params.get("lang", ""))
    if shown is None:
        return _unknown(request, form)
    stamp = FormStamp.new(time.time())
    if by_script(request):
        return _json(_next_of(services, shown, stamp))
    return form_page(shown, _text_of(services, shown, stamp), Filled())


for _method in ("GET", "HEAD"):
    router.add_api_route(
        "/f/{form}",
        show_form,
        methods=[_method],
        summary="Show a form",
        include_in_schema=_method == "GET",
        response_class=Response,
        responses=_READ,
        openapi_extra={"security": []},
    )


@router.post(
    "/f/{form}",
    summary="Submit a form",
    response_class=Response,
    responses=_POSTED,
    openapi_extra={"security": [], "requestBody": _BODY},
)
async def submit_form(form: FormKey, request: Request, services: UsedServices) -> Response:
    """Record a form that was filled in, once; or say what is to be corrected."""
    posted = await read_posted(request)
    shown = await _shown(request, services, form, posted.language)
    if shown is None:
        return _unknown(request, form)
    assert services.links is not None
    now = time.time()
    if not services.form_rates.allow(form, _address_of(request) or ""):
        SUBMISSIONS.labels("busy").inc()
        filled = Filled(posted.values, asks="form_again_busy")
        return _asked(request, services, shown, FormStamp.new(now), filled, 429, "rate_limited")
    stamp, sign = judge_stamp(
        services.links.keys, form, posted.stamp, hidden=posted.hidden, now=now
    )
    if sign is not None:
        await _count_sign(services, form, sign)
        filled = Filled(posted.values, asks=_ASKS.get(sign, _AGAIN))
        status, code = _STATUSES[sign], f"robot_{sign}" if sign in ROBOTIC else f"form_{sign}"
        return _asked(request, services, shown, stamp, filled, status, code)
    judged = judge_form(shown.form, posted.values)
    if shown.form.consent_box == "required" and not posted.agreed:
        judged.mistakes[CONSENT_FIELD] = "tick"
    if judged.mistakes:
        SUBMISSIONS.labels("invalid").inc()
        return _mistaken(request, services, shown, stamp, Filled(posted.values, judged.mistakes))
    submission = _submission(request, shown, posted, judged, stamp)
    try:
        new = await take_submission(services.pool, submission)
    except (ConcurrentChange, UniqueViolation, DeadlockDetected, SerializationFailure):
        SUBMISSIONS.labels("contended").inc()
        filled = Filled(posted.values, asks=_AGAIN)
        return _asked(request, services, shown, stamp, filled, 503, "contended")
    SUBMISSIONS.labels("taken" if new else "repeated").inc()
    if new:
        services.notifier.wake()
    return _thanked(request, shown)


# ---------------------------------------------------------------------------------------- reading


async def _shown(request: Request, services: Services, key: str, language: str) -> ShownForm | None:
    """The form in the language that is asked for, else in the browser's; None if there is none."""
    if services.links is None:
        return None
    async with services.pool.connection() as conn:
        found = await read_form_documents(conn, key)
    if found is None:
        return None
    try:
        form = Form.model_validate(found.form)
    except ValidationError:
        _log.warning("form_no_longer_valid", form=key)
        return None
    locale = form.locale_for([*([language] if language else []), *languages(request)])
    brand = brand_of(found.brand)
    look = Look(brand, BrandTexts(brand, [locale]), host_of(services))
    return ShownForm(form, look, locale, found.topic_name)


def _submission(
    request: Request, shown: ShownForm, posted: PostedForm, judged: JudgedForm, stamp: FormStamp
) -> Submission:
    form = shown.form
    kept = {field.name for field in form.fields if field.keep == "contact"}
    agreed = form.topic is not None and (form.consent_box is None or posted.agreed)
    return Submission(
        form=form.key,
        message_id=message_id_of(str(stamp.id), judged.values, agreed),
        values=judged.values,
        traits={name: value for name, value in judged.values.items() if name in kept},
        topic=form.topic if agreed else None,
        consent_text=posted.shown_consent or shown.consent_shown,
        request_address=_address_of(request),
        anonymous_id=posted.anonymous_id,
        locale=_locale_of(request, shown),
        page=posted.page,
    )


def _locale_of(request: Request, shown: ShownForm) -> str | None:
    """The visitor's locale: the browser's, as far as the language of the page agrees with it."""
    wanted = []
    for each in languages(request):
        try:
            wanted.append(check_locale(each))
        except ValueError:
            continue
    if not shown.form.locales:
        return next(iter(wanted), None)
    language = shown.locale.partition("-")[0]
    same = (each for each in wanted if each.partition("-")[0].lower() == language)
    return next(same, shown.locale)


def _address_of(request: Request) -> str | None:
    return request.client.host if request.client is not None else None


async def _count_sign(services: Services, form: str, sign: Sign) -> None:
    """Count why a form was not taken; what looks like a robot is kept for operators."""
    SUBMISSIONS.labels(f"robot_{sign}" if sign in ROBOTIC else sign).inc()
    if sign not in ROBOTIC:
        return
    words = {
        "hidden": "the field that people do not see was filled in",
        "soon": f"it came back sooner than {SHORTEST} s after it was shown",
        "forged": "its stamp is not from here, or of another form",
    }
    # What was typed is left out: no one agreed that it is kept.
    item = KeptItem(
        reference=None,
        name=FORM_SUBMITTED,
        code=f"robot_{sign}",
        message=f"form {form}: {words[sign]}; the visitor was asked to send it once more",
        body=orjson.dumps({"form": form}).decode(),
        whole=False,
    )
    async with services.pool.connection() as conn:
        await keep_rejected(conn, SOURCE, None, [item])


# -------------------------------------------------------------------------------------- answering


def _text_of(services: Services, shown: ShownForm, stamp: FormStamp) -> str:
    assert services.links is not None
    return stamp.text(services.links.keys, shown.form.key)


def _next_of(services: Services, shown: ShownForm, stamp: FormStamp) -> dict[str, Any]:
    """What a script posts the form with, and what it says if that fails."""
    return {
        "stamp": _text_of(services, shown, stamp),
        "wait": max(0, SHORTEST - int(time.time() - stamp.shown_at)),
        "failed": shown.text("form_again_failed"),
    }


def _json(body: Mapping[str, Any]) -> Response:
    return Response(
        orjson.dumps(body), media_type="application/json", headers={"Cache-Control": "no-store"}
    )


def _asked(
    request: Request,
    services: Services,
    shown: ShownForm,
    stamp: FormStamp,
    filled: Filled,
    status: int,
    code: str,
) -> Response:
    """The answer to a form that was not taken, and can be sent once more."""
    assert filled.asks is not None
    headers = {"Retry-After": str(_MINUTE)} if status == 429 else {}
    if by_script(request):
        more = _next_of(services, shown, stamp)
        return problem_response(status, code, shown.text(filled.asks), headers=headers, **more)
    response = form_page(shown, _text_of(services, shown, stamp), filled, status)
    response.headers.update(headers)
    return response


def _mistaken(
    request: Request, services: Services, shown: ShownForm, stamp: FormStamp, filled: Filled
) -> Response:
    """The answer to a form in which something is to be corrected."""
    if not by_script(request):
        return form_page(shown, _text_of(services, shown, stamp), filled, 422)
    errors = [
        {"field": name, "message": shown.mistake(mistake)}
        for name, mistake in filled.mistakes.items()
    ]
    return problem_response(422, "invalid_form", shown.text("form_errors"), errors=errors)


def _thanked(request: Request, shown: ShownForm) -> Response:
    own = shown.words.thanks
    url = own.url if own is not None else None
    if by_script(request):
        return _json({"thanks": {"url": url} if url is not None else {"text": shown.thanks}})
    if url is not None:
        return Response(status_code=303, headers={"Location": url, "Cache-Control": "no-store"})
    return thanks_page(shown)


def _unknown(request: Request, key: str) -> Response:
    if by_script(request):
        raise Problem(404, "unknown_form", f"there is no form {key!r}")
    return error_page(request, "form_unknown", 404)
