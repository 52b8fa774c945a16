"""The documents of the shop, applied to a stack once."""

from __future__ import annotations

import httpx

from devstack import shop
from devstack.process import StackFailed

_SECONDS = 60


async def set_up_shop(api_url: str, key: str) -> None:
    """Apply what the shop needs, unless its form is there: what a person changed stays as it is.

    Raises:
        StackFailed: the documents cannot be applied, because others of this stack are in their way.
    """
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=api_url, headers=headers, timeout=_SECONDS) as client:
        known = await client.get(f"/v1/forms/{shop.FORM}")
        if known.is_success:
            return
        documents = shop.documents(f"{api_url}{shop.PATH}")
        applied = await client.post("/v1/apply", json={"documents": documents})
    if not applied.is_success:
        message = applied.json().get("message", applied.text)
        raise StackFailed(f"the documents of the shop cannot be applied: {message}")
