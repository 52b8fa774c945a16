"""Routes of tracking calls: identify, track, page, screen, group, alias and batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from api.http.bodies import BODY_LIMIT, PlainRoute, decode, read_body
from api.http.keys import check_key, header_key, unauthorized
from api.http.problems import Problem, responses, tracking_status
from api.http.times import NaiveTime, parse_time
from api.services import Services
from api.tracking import schema
from api.tracking.items import ITEM_LIMIT, KINDS, Envelope, ItemRefused, parse_item
from api.tracking.key_budgets import seconds_left
from api.tracking.rejections import left_out, rejected_call
from store.events.ingest import take
from store.events.items import Accepted, Item, ItemWarning, Rejected, Sender
from store.events.rejected_items import KeptItem, keep_rejected
from store.metrics import counter
from store.operations.api_keys import KeyInfo
from store.segments.merged_contacts import MergedSegments

BATCH_LIMIT = 2500
"""The most items of a batch (the limit of Segment's tracking API)."""

ITEMS = counter("parcours_tracking_items")

_SUCCESS = orjson.dumps({"success": True})

router = APIRouter(tags=["tracking"], route_class=PlainRoute)


async def take_call(request: Request, kind: str) -> Response:
    """Ingest one call of a kind."""
    services: Services = request.app.state.services
    raw, envelope, key = await _read_call(request, services)
    try:
        item = parse_item(raw, kind, envelope)
    except ItemRefused as refused:
        ITEMS.labels(refused.code).inc()
        await _keep(services, key, [rejected_call(raw, kind, refused.code, str(refused))])
        raise Problem(tracking_status(refused.code), refused.code, str(refused)) from None
    [answer] = await _take(request, services, key, [item])
    if isinstance(answer, Rejected):
        await _keep(services, key, [rejected_call(raw, kind, answer.code, answer.message)])
        raise Problem(
            tracking_status(answer.code),
            answer.code,
            answer.message,
            headers=_retry_headers([answer]),
        )
    if answer.warnings:
        await _keep(services, key, [left_out(raw, warning) for warning in answer.warnings])
        warnings = [_warning(0, warning) for warning in answer.warnings]
        return _json(orjson.dumps({"success": True, "warnings": warnings}))
    return _json(_SUCCESS)


async def take_batch(request: Request) -> Response:
    """Ingest a batch of calls. A call that is refused does not stop the others."""
    services: Services = request.app.state.services
    raw, envelope, key = await _read_call(request, services)
    batch = raw.get("batch")
    if not isinstance(batch, list):
        raise Problem(400, "invalid_batch", "batch: must be a list of calls")
    if len(batch) > BATCH_LIMIT:
        raise Problem(400, "oversize", f"batch: must have at most {BATCH_LIMIT} calls")
    items: list[Item] = []
    indexes: list[int] = []
    rejected: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    kept: list[KeptItem | None] = []
    for index, each in enumerate(batch):
        try:
            items.append(parse_item(each, None, envelope))
            indexes.append(index)
        except ItemRefused as refused:
            ITEMS.labels(refused.code).inc()
            rejected.append({"index": index, "code": refused.code, "message": str(refused)})
            kept.append(rejected_call(each, None, refused.code, str(refused)))
    answers = await _take(request, services, key, items) if items else []
    rejected_by_store: list[Rejected] = []
    for index, answer in zip(indexes, answers, strict=True):
        if isinstance(answer, Rejected):
            rejected_by_store.append(answer)
            rejected.append({"index": index, "code": answer.code, "message": answer.message})
            kept.append(rejected_call(batch[index], None, answer.code, answer.message))
        elif answer.warnings:
            warnings += [_warning(index, warning) for warning in answer.warnings]
            kept += [left_out(batch[index], warning) for warning in answer.warnings]
    await _keep(services, key, kept)
    rejected.sort(key=lambda refusal: int(refusal["index"]))
    if rejected and len(rejected) == len(batch):
        raise _all_rejected(rejected, rejected_by_store)
    answer_body = {"success": True, "rejected": rejected, "warnings": warnings}
    return _json(orjson.dumps(answer_body))


def _warning(index: int, warning: ItemWarning) -> dict[str, Any]:
    return {
        "index": index,
        "code": warning.code,
        "field": warning.field,
        "message": warning.message,
    }


async def _keep(services: Services, key: KeyInfo, items: Sequence[KeptItem | None]) -> None:
    """Keep what was rejected, so that an operator can see and replay it."""
    kept = [item for item in items if item is not None]
    if kept:
        async with services.pool.connection() as conn:
            await keep_rejected(conn, key.source, key.id, kept)


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


async def _read_call(request: Request, services: Services) -> tuple[Any, Envelope, KeyInfo]:
    """The body as an object, what its items share, and the key.

    Raises Problem 400, 401, 403 or 415.

    A `writeKey` in the body wins over the header, where clients send other tokens.
    """
    plain = header_key(request)
    body = await read_body(request, BODY_LIMIT)
    key: KeyInfo | None = None
    if b"writeKey" not in body:
        # Nothing is parsed for a caller without a key.
        key = await check_key(request, plain, "ingest")
    try:
        decoded = decode(body, constants=True)
    except Problem:
        await check_key(request, plain, "ingest")
        raise
    raw = decoded.value
    if isinstance(raw, dict):
        write_key = raw.get("writeKey")
        if isinstance(write_key, str) and write_key:
            plain, key = write_key, None
        elif write_key is not None and write_key != "":
            raise unauthorized("writeKey: must be a text")
    if key is None:
        key = await check_key(request, plain, "ingest")
    if not isinstance(raw, dict):
        raise Problem(400, "invalid_body", "the body must be a JSON object")
    context = raw.get("context")
    if context is not None and not isinstance(context, dict):
        raise Problem(400, "invalid_type", "context: must be a JSON object")
    links = services.links
    envelope = Envelope(
        received_at=datetime.now(UTC),
        operate=key.includes("operate"),
        may_change_addresses=key.may_change_addresses,
        user_hash_secret=key.user_hash_secret,
        link_keys=None if links is None else links.keys,
        sent_at=_sent_at(raw),
        context=context,
        doubtful=decoded.doubtful,
        may_be_oversize=len(body) > ITEM_LIMIT,
    )
    return raw, envelope, key


def _sent_at(raw: dict[str, Any]) -> datetime | None:
    value = raw.get("sentAt")
    if value is None:
        return None
    try:
        return parse_time(value)
    except ValueError as error:
        code = "naive_time" if isinstance(error, NaiveTime) else "invalid_time"
        raise Problem(400, code, f"sentAt: {error}") from None


async def _take(
    request: Request, services: Services, key: KeyInfo, items: Sequence[Item]
) -> list[Accepted | Rejected]:
    allowed = len(items)
    message = f"more than {key.events_per_minute} calls in a minute by this key: try again later"
    if key.address_events_per_minute is not None:
        # Asked first: what one address has too much of is not taken from all.
        budget = key.address_events_per_minute
        address = "" if request.client is None else request.client.host
        allowed = services.address_budgets.take(key.id, address, budget, allowed)
        if allowed < len(items):
            message = f"more than {budget} calls in a minute from this address: try again later"
    if key.events_per_minute is not None:
        allowed = services.key_budgets.take(key.id, key.events_per_minute, allowed)
    answers: list[Accepted | Rejected] = []
    if allowed:
        answers += await take(
            services.pool,
            items[:allowed],
            limit_per_minute=services.contact_events_per_minute,
            sender=Sender(key.source, trusted=key.includes("operate")),
            fast=services.tracks,
            segments=lambda: MergedSegments(services.catalog),
        )
    answers += [
        Rejected(item.message_id, "rate_limited", message, retry_after=seconds_left())
        for item in items[allowed:]
    ]
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
