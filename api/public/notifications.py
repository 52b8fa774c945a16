"""Public routes of notifications: what Amazon SNS posts. Its signature is the key."""

from __future__ import annotations

from typing import Any, Final

import structlog
from fastapi import APIRouter, Request, Response

from api.http.bodies import StrictRoute
from api.http.problems import Problem, responses
from api.services import UsedServices
from channels.notifications import Unreadable
from channels.sns_envelope import Envelope, parse_envelope
from channels.sns_signature import CertificateAway, Forged, utc_now
from store.operations.faults import record_fault

log = structlog.get_logger(__name__)

router = APIRouter(prefix="/hooks", tags=["notifications"], route_class=StrictRoute)

_RAW: Final = "x-amz-sns-rawdelivery"
_DESCRIPTION: Final[dict[str, Any]] = {
    "security": [],
    "requestBody": {
        "required": True,
        "description": "An envelope of SNS: `Type`, `MessageId`, `TopicArn`, `Message`,"
        " `Timestamp`, `SignatureVersion`, `Signature` and `SigningCertURL`",
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "object"}},
        },
    },
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    **{status: answer for status, answer in responses(404).items() if status != 401},
    204: {"description": "It is recorded, or changes nothing"},
}


@router.post(
    "/ses",
    summary="Take a notification about e-mail from Amazon SNS",
    status_code=204,
    response_class=Response,
    responses=_ANSWERS,
    openapi_extra=_DESCRIPTION,
)
async def take_ses(request: Request, services: UsedServices) -> Response:
    """Take an event of SES, or a mail that SES received, of one of the expected topics.

    A subscription of such a topic is confirmed. A notification of an unknown message is answered
    204 too, because it would be repeated.
    """
    return await _take(request, services)


@router.post(
    "/sms",
    summary="Take a notification about text messages from Amazon SNS",
    status_code=204,
    response_class=Response,
    responses=_ANSWERS,
    openapi_extra=_DESCRIPTION,
)
async def take_sms(request: Request, services: UsedServices) -> Response:
    """Take a delivery receipt, or a text message that came in, of one of the expected topics.

    A subscription of such a topic is confirmed. STOP, START and HELP have their effect.
    """
    return await _take(request, services)


async def _take(request: Request, services: UsedServices) -> Response:
    if not services.sns.expects_any:
        raise Problem(404, "no_topics", "no topic is expected here: set PARCOURS_SNS_TOPICS")
    if request.headers.get(_RAW, "").lower() == "true":
        raise Problem(
            403,
            "not_signed",
            "raw messages are not signed: turn raw message delivery off for this subscription,"
            " or subscribe a queue",
        )
    try:
        envelope = parse_envelope(await request.body())
    except Unreadable as error:
        raise Problem(400, "unreadable", str(error)) from None
    try:
        await services.sns.verify(envelope, now=utc_now())
        await _act(envelope, services)
    except Forged as error:
        log.warning("notification_refused", reason=str(error))
        raise Problem(403, "forged", f"the notification is refused: {error}") from None
    except CertificateAway as error:
        log.warning("certificate_away", reason=str(error))
        raise Problem(
            503, "certificate_away", "the certificate cannot be fetched now: try again",
            headers={"Retry-After": "10"},
        ) from None  # fmt: skip
    return Response(status_code=204)


async def _act(envelope: Envelope, services: UsedServices) -> None:
    if envelope.type == "SubscriptionConfirmation":
        await services.sns.confirm(envelope)
        log.info("subscription_confirmed", topic=envelope.topic)
        return
    if envelope.type == "UnsubscribeConfirmation":
        log.warning("subscription_ended", topic=envelope.topic)
        async with services.pool.connection() as conn:
            await record_fault(
                conn,
                activity="notifications",
                code="subscription_ended",
                detail=f"{envelope.topic} posts nothing more here: subscribe it again if that is"
                " not wanted",
                subject=f"topic {envelope.topic}",
            )
        return
    name = f"message {envelope.message_id} of {envelope.topic}"
    (result,) = await services.intake.take_texts([(name, envelope.message)])
    if result == "failed":
        raise Problem(503, "not_recorded", "the notification could not be recorded: try again")
