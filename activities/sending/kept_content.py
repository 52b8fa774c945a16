"""What is kept of a message: what it said, without secrets and within bounds.

Links lead where the author wrote them: reading a kept message counts as nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import orjson
import structlog

from activities.context import Context
from activities.sending.masking import SecretMask
from channels.adapter import Attachment, Call, Outgoing
from journeys.time.durations import Duration
from store.messages.kept_contents import pack_content

log = structlog.get_logger(__name__)

_MOST: Final = 400_000
"""Characters of a body that is kept."""
_BODIES: Final = ("text", "html", "body")
_LARGE: Final = 100_000
"""Characters of a message that is packed in a thread."""


async def content_to_keep(outgoing: Outgoing, context: Context, mask: SecretMask) -> bytes | None:
    """A message as it is kept; None if nothing is kept. A fault here stops no message."""
    keep = context.keep.get("content")
    if keep is None or keep == Duration():
        return None
    try:
        content = kept_content(outgoing, mask)
        if sum(len(str(content.get(body, ""))) for body in _BODIES) > _LARGE:
            return await asyncio.to_thread(pack_content, content)
        return pack_content(content)
    except Exception:
        log.exception("content_not_kept", message_id=str(outgoing.message_id))
        return None


def kept_content(outgoing: Outgoing, mask: SecretMask) -> dict[str, Any]:
    """The fields of a message that are set; files by their names and sizes.

    A body beyond the bound is named in `left_out`. A webhook alone prints secrets: they are masked.
    """
    content: dict[str, Any] = {}
    left_out = []
    for each in fields(outgoing):
        value = getattr(outgoing, each.name)
        if each.name == "message_id" or value is None or value == () or value == {}:
            continue
        if each.name in _BODIES and _size(value) > _MOST:
            left_out.append(each.name)
        else:
            content[each.name.rstrip("_")] = _plain(value)
    if left_out:
        content["left_out"] = left_out
    if isinstance(outgoing, Call):
        content = mask.value(content)
    return content


def _size(body: Any) -> int:
    return len(body if isinstance(body, str) else orjson.dumps(body))


def _plain(value: Any) -> Any:
    match value:
        case Attachment():
            return {
                "name": value.name,
                "content_type": value.content_type,
                "size": len(value.content),
            }
        case Mapping():
            return dict(value)
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value
