"""AWS End User Messaging as AWS documents it, for tests: moto does not have it.

The limits are those of the API reference of `SendTextMessage`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.integration.channels.http_server import Exchange, Request

_PATTERNS = {
    "DestinationPhoneNumber": r"\+?[1-9][0-9]{1,18}",
    "OriginationIdentity": r"[A-Za-z0-9_:/\+-]{1,256}",
    "MessageBody": r"(?!\s*$)[\s\S]{1,1600}",
    "MessageType": r"TRANSACTIONAL|PROMOTIONAL",
    "ConfigurationSetName": r"[A-Za-z0-9_:/-]{1,256}",
    "ProtectConfigurationId": r"[A-Za-z0-9_:/-]{1,256}",
    "MaxPrice": r"(?=.{2,8}$)[0-9]{0,2}\.[0-9]{1,5}",
}


@dataclass
class EndUserMessaging:
    """The service: it takes what its reference allows, and refuses the rest."""

    taken: list[dict[str, Any]] = field(default_factory=list)
    """The requests of the messages that it took, in their order."""

    async def take(self, exchange: Exchange) -> None:
        """Take a message and answer."""
        wrong = self.check(exchange.request)
        if wrong is not None:
            await answer_error(
                exchange, 400, "ValidationException", wrong, "FIELD_VALIDATION_FAILED"
            )
            return
        self.taken.append(json.loads(exchange.request.body))
        body = json.dumps({"MessageId": str(uuid4())}).encode()
        await exchange.answer(200, body, Content_Type="application/x-amz-json-1.0")

    def check(self, request: Request) -> str | None:
        """What is wrong with a request; None if it may be taken."""
        if (request.method, request.target) != ("POST", "/"):
            return f"{request.method} {request.target}"
        if request.headers.get("x-amz-target") != "PinpointSMSVoiceV2.SendTextMessage":
            return "x-amz-target"
        if request.headers.get("content-type") != "application/x-amz-json-1.0":
            return "content-type"
        if "/sms-voice/aws4_request" not in request.headers.get("authorization", ""):
            return "authorization"
        asked = json.loads(request.body)
        known = {*_PATTERNS, "TimeToLive", "Context", "DestinationCountryParameters"}
        if unknown := asked.keys() - known:
            return f"unknown {unknown}"
        for name, pattern in _PATTERNS.items():
            if name in asked and not re.fullmatch(pattern, asked[name]):
                return name
        if not {"DestinationPhoneNumber", "MessageBody"} <= asked.keys():
            return "a required member is missing"
        return _wrong_details(asked)


def _wrong_details(asked: dict[str, Any]) -> str | None:
    if not 5 <= asked.get("TimeToLive", 5) <= 259_200:
        return "TimeToLive"
    context = asked.get("Context", {})
    if len(context) > 5:
        return "Context"
    for name, value in context.items():
        if not re.fullmatch(r"\S{1,100}", name) or not 1 <= len(value) <= 800:
            return f"Context {name}"
    for name, value in asked.get("DestinationCountryParameters", {}).items():
        if name not in ("IN_TEMPLATE_ID", "IN_ENTITY_ID") or not re.fullmatch(r"\S{1,64}", value):
            return f"DestinationCountryParameters {name}"
    return None


async def answer_error(
    exchange: Exchange, status: int, code: str, words: str, reason: str | None = None
) -> None:
    """Answer with an error as the service writes it."""
    body = {"__type": f"com.amazonaws.pinpointsmsvoicev2#{code}", "Message": words}
    if reason is not None:
        body["Reason"] = reason
    await exchange.answer(
        status, json.dumps(body).encode(), Content_Type="application/x-amz-json-1.0"
    )
