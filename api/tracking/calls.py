"""Routes of tracking calls: identify, track, page, screen, group, alias and batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from prometheus_client import Counter

from api.http.bodies import BODY_LIMIT, decode, read_body
from api.http.keys import check_key, header_key
from api.http.problems import Problem, responses, tracking_status
from api.http.times import NaiveTime, parse_time
from api.services import Services
from api.tracking import schema
from api.tracking.items import ITEM_LIMIT, KINDS, Envelope, ItemRefused, parse_item
from store.events.ingest import take
from store.events.items import Accepted, Item, Rejected

BATCH_LIMIT = 2500
"""The most items of a batch (the limit of Segment's tracking API)."""

ITEMS = Counter("parcours_tracking_items", "Tracking calls taken or refused", ["answer"])

_SUCCESS = orjson.dumps({"success": True})

router = APIRouter(tags=["tracking"])


async def take_call(request: Request, kind: str) -> Response:
    """Ingest one call of a kind."""
    services: Services = request.app.state.services
    raw, envelope = await _read_call(request)
    try:
        item = parse_item(raw, kind, envelope)
    except ItemRefused as refused:
        ITEMS.labels(refused.code).inc()
        raise Problem(tracking_status(refused.code), refused.code, str(refused)) from None
    [answer] = await _take(services, [item])
    if isinstance(answer, Rejected):
        raise Problem(
            tracking_status(answer.code),
            answer.code,
            answer.message,
            headers=_retry_headers([answer]),
        )
    return _json(_SUCCESS)


async def take_batch(request: Request) -> Response:
    """Ingest a batch of calls. A call that is refused does not stop the others."""
    services: Services = request.app.state.services
    raw, envelope = await _read_call(request)
    batch = raw.get("batch")
    if not isinstance(batch, list):
        raise Problem(400, "invalid_batch", "batch: must be a list of calls")
    if len(batch) > BATCH_LIMIT:
        raise Problem(400, "oversize", f"batch: must have at most {BATCH_LIMIT} calls")
    items: list[Item] = []
    indexes: list[int] = []
    rejected: list[dict[str, Any]] = []
    for index, each in enumerate(batch):
        try:
            items.append(parse_item(each, None, envelope))
            indexes.append(index)
        except ItemRefused as refused:
            ITEMS.labels(refused.code).inc()
            rejected.append({"index": index, "code": refused.code, "message": str(refused)})
    answers = await _take(services, items) if items else []
    rejected_by_store: list[Rejected] = []
    for index, answer in zip(indexes, answers, strict=True):
        if isinstance(answer, Rejected):
            rejected_by_store.append(answer)
            rejected.append({"index": index, "code": answer.code, "message": answer.message})
    rejected.sort(key=lambda refusal: int(refusal["index"]))
    if rejected and len(rejected) == len(batch):
        raise _all_rejected(rejected, rejected_by_store)
    return _json(orjson.dumps({"success": True, "rejected": rejected}))


def _all_rejected(rejected: list[dict[str, Any]], rejected_by_store: Sequence[Rejected]) -> Problem:
    headers = _retry_headers(rejected_by_store)
    if headers:
        message = "no call was taken, and some may pass later: try again"
        return Problem(429, "rate_limited", message, headers=headers, rejected=rejected)
    codes = {refusal["code"] for refusal in rejected}
    code = codes.pop() if len(codes) == 1 else "invalid_batch"
    first = rejected[0]
    message = f"no call of the batch can be taken; batch.{first['index']}: {first['message']}"
    return Problem(tracking_status(code), code, message, rejected=rejected)


async def _read_call(request: Request) -> tuple[Any, Envelope]:
    """The body as an object, and what its items share. Raises Problem 400, 401, 403 or 415.

    A `writeKey` in the body wins over the header, where clients send other tokens.
    """
    plain = header_key(request)
    body = await read_body(request, BODY_LIMIT)
    try:
        decoded = decode(body)
    except Problem:
        await check_key(request, plain, "ingest")
        raise
    raw = decoded.value
    if isinstance(raw, dict):
        write_key = raw.get("writeKey")
        if isinstance(write_key, str) and write_key:
            plain = write_key
    key = await check_key(request, plain, "ingest")
    if not isinstance(raw, dict):
        raise Problem(400, "invalid_body", "the body must be a JSON object")
    context = raw.get("context")
    return raw, Envelope(
        received_at=datetime.now(UTC),
        operate=key.includes("operate"),
        sent_at=_sent_at(raw),
        context=context if isinstance(context, dict) else None,
        doubtful=decoded.doubtful,
        may_be_oversize=len(body) > ITEM_LIMIT,
    )


def _sent_at(raw: dict[str, Any]) -> datetime | None:
    value = raw.get("sentAt")
    if value is None:
        return None
    try:
        return parse_time(value)
    except ValueError as error:
        code = "naive_time" if isinstance(error, NaiveTime) else "invalid_time"
        raise Problem(400, code, f"sentAt: {error}") from None


async def _take(services: Services, items: Sequence[Item]) -> list[Accepted | Rejected]:
    answers = await take(services.pool, items, limit_per_minute=services.contact_events_per_minute)
    new = 0
    for answer in answers:
        if isinstance(answer, Rejected):
            ITEMS.labels(answer.code).inc()
        else:
            new += answer.new
    if new:
        services.notifier.wake()
    if len(answers) > new:
        repeated = sum(isinstance(answer, Accepted) for answer in answers) - new
        ITEMS.labels("repeated").inc(repeated)
    ITEMS.labels("taken").inc(new)
    return answers


def _retry_headers(rejected: Sequence[Rejected]) -> dict[str, str]:
    waits = [each.retry_after for each in rejected if each.retry_after is not None]
    return {"Retry-After": str(max(1, math.ceil(max(waits))))} if waits else {}


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _add_route(kind: str) -> None:
    async def call(request: Request) -> Response:
        return await take_call(request, kind)

    router.add_api_route(
        f"/v1/{kind}",
        call,
        methods=["POST"],
        operation_id=kind,
        summary=schema.SUMMARIES[kind],
        response_model=schema.Success,
        responses=responses(400, 415, 429),
        openapi_extra=schema.request_body(kind),
    )


for _kind in KINDS:
    _add_route(_kind)

router.add_api_route(
    "/v1/batch",
    take_batch,
    methods=["POST"],
    operation_id="batch",
    summary=schema.SUMMARIES["batch"],
    response_model=schema.BatchSuccess,
    responses=responses(400, 415, 429),
    openapi_extra=schema.request_body("batch"),
)
