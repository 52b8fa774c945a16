"""The OpenAPI description of the tracking calls, which `items` parses."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Warned(BaseModel):
    """A part of a call that had no effect."""

    index: int
    """The place of the call in the batch, from 0."""
    code: str
    field: str | None
    message: str


class Success(BaseModel):
    """The call has taken effect, now or when it was first sent."""

    success: bool = True
    warnings: list[Warned] = []
    """Only there if something was left out."""


class Refusal(BaseModel):
    """A call of a batch that was refused."""

    index: int
    code: str
    message: str


class BatchSuccess(BaseModel):
    """All calls of the batch except the rejected ones have taken effect."""

    success: bool = True
    rejected: list[Refusal]
    warnings: list[Warned]


SUMMARIES = {
    "identify": "Set attributes of a contact",
    "track": "Record an event of a contact",
    "page": "Record that a contact viewed a page",
    "screen": "Record that a contact viewed a screen",
    "group": "Add a contact to a group",
    "alias": "Join an anonymous id to a contact",
    "batch": "Send many calls at once; a refused call does not stop the others",
}

_TEXT = {"type": ["string", "null"]}
_OBJECT = {"type": ["object", "null"]}
_SHARED: dict[str, Any] = {
    "userId": {**_TEXT, "maxLength": 500, "description": "the contact's external id"},
    "anonymousId": {**_TEXT, "maxLength": 500},
    "messageId": {
        **_TEXT,
        "maxLength": 100,
        "description": "a call with the same id takes effect once; made if missing",
    },
    "timestamp": {**_TEXT, "format": "date-time", "description": "with an offset"},
    "sentAt": {**_TEXT, "format": "date-time"},
    "context": {
        **_OBJECT,
        "description": "`timezone` and `locale` are used where the contact has none; `visit` is the"
        " token of a clicked link",
    },
    "integrations": {"description": "for other systems; ignored"},
    "userHash": {
        **_TEXT,
        "description": "HMAC-SHA256 of the user id in hexadecimal; also in `context`",
    },
    "writeKey": {**_TEXT, "description": "the key, instead of the header"},
}
_OWN: dict[str, dict[str, Any]] = {
    "identify": {"traits": {**_OBJECT, "description": "attributes; null removes one"}},
    "track": {"event": {"type": "string", "maxLength": 200}, "properties": _OBJECT},
    "page": {"name": _TEXT, "category": _TEXT, "properties": _OBJECT},
    "screen": {"name": _TEXT, "category": _TEXT, "properties": _OBJECT},
    "group": {"groupId": {"type": "string", "maxLength": 200}, "traits": _OBJECT},
    "alias": {"previousId": {"type": "string", "maxLength": 500}},
}
_REQUIRED = {"track": ["event"], "group": ["groupId"], "alias": ["userId", "previousId"]}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "identify": {"userId": "u-1", "traits": {"email": "ada@example.com", "plan": "pro"}},
    "track": {"userId": "u-1", "event": "Order Completed", "properties": {"total": 42.5}},
    "page": {"anonymousId": "a-1", "name": "Pricing"},
    "screen": {"userId": "u-1", "name": "Settings"},
    "group": {"userId": "u-1", "groupId": "vip"},
    "alias": {"userId": "u-1", "previousId": "a-1"},
    "batch": {
        "batch": [{"type": "track", "userId": "u-1", "event": "Signed Up", "messageId": "m-1"}]
    },
}


def request_body(kind: str) -> dict[str, Any]:
    """The `requestBody` of a call in OpenAPI."""
    if kind == "batch":
        schema: dict[str, Any] = {
            "type": "object",
            "required": ["batch"],
            "properties": {
                "batch": {
                    "type": "array",
                    "maxItems": 2500,
                    "items": {
                        "type": "object",
                        "required": ["type"],
                        "properties": {"type": {"enum": list(_OWN)}, **_SHARED},
                    },
                },
                **{name: _SHARED[name] for name in ("context", "sentAt", "writeKey")},
            },
        }
    else:
        schema = {
            "type": "object",
            "required": _REQUIRED.get(kind, []),
            "properties": {**_OWN[kind], **_SHARED},
        }
    content = {"application/json": {"schema": schema, "example": _EXAMPLES[kind]}}
    return {"requestBody": {"required": True, "content": content}}
