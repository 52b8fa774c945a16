"""Files that are imported and exported by the API, waited for until their job has ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.crowds import Pool


@asynccontextmanager
async def caller(settings: Settings, pool: Pool) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of an API of its own, with a key of scope `admin`."""
    async with pool.connection() as conn:
        key = await create_key(conn, "admin")
    headers = {"Authorization": f"Bearer {key}"}
    with serving(settings) as url:
        async with httpx.AsyncClient(
            base_url=url, headers=headers, timeout=60, trust_env=False
        ) as client:
            yield client


async def begin(
    client: httpx.AsyncClient, content: str | bytes, *, kind: str = "text/csv", **options: Any
) -> dict[str, Any]:
    """The answer to an import that is taken."""
    if "map" in options:
        options["map"] = orjson.dumps(options["map"]).decode()
    answer = await client.post(
        "/v1/contacts/import",
        params=options,
        content=content if isinstance(content, bytes) else content.encode(),
        headers={"Content-Type": kind},
    )
    assert answer.status_code == 202, answer.text
    report: dict[str, Any] = answer.json()
    return report


async def done(client: httpx.AsyncClient, job: str, timeout: float = 60) -> dict[str, Any]:
    """A job, waited for until it has ended."""

    async def ended() -> Any:
        found = (await client.get(f"/v1/jobs/{job}")).json()
        return found if found["state"] != "running" else None

    found: dict[str, Any] = await eventually(ended, timeout)
    assert found["state"] == "done", found
    return found


async def imported(
    client: httpx.AsyncClient, content: str | bytes, *, kind: str = "text/csv", **options: Any
) -> dict[str, Any]:
    """The report of an import that is done."""
    report = await begin(client, content, kind=kind, **options)
    await done(client, report["job"]["id"])
    answer = await client.get(f"/v1/jobs/{report['job']['id']}/import")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def exported(client: httpx.AsyncClient, **body: Any) -> str:
    """The text of an export that is done."""
    answer = await client.post("/v1/contacts/export", json=body)
    assert answer.status_code == 202, answer.text
    job = answer.json()["id"]
    await done(client, job)
    file = await client.get(f"/v1/jobs/{job}/file")
    assert file.status_code == 200, file.text
    return file.text


async def refused(client: httpx.AsyncClient, report: dict[str, Any]) -> str:
    """The lines that an import refused, as CSV."""
    answer = await client.get(f"/v1/jobs/{report['job']['id']}/refused")
    assert answer.status_code == 200, answer.text
    return answer.text
