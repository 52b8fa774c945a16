"""A client of the API that reads runs, statistics and mails."""

from __future__ import annotations

from typing import Any

import httpx

Row = dict[str, Any]


class Server:
    """The API, read with a key of scope `operate`.

    Its calls raise httpx.HTTPError when the API is away or refuses.
    """

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=10
        )

    async def runs(self) -> list[Row]:
        """Every run, as `GET /v1/runs` lists them, page after page."""
        found: list[Row] = []
        cursor: str | None = None
        while True:
            page = await self._get("/v1/runs", {"cursor": cursor} if cursor else {})
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                return found

    async def run(self, run_id: str) -> Row:
        """One run with its visits."""
        run: Row = await self._get(f"/v1/runs/{run_id}")
        return run

    async def stats(self, journey: str) -> Row:
        """The counts of a journey, all versions together."""
        stats: Row = await self._get(f"/v1/journeys/{journey}/stats")
        return stats

    async def inbox(self) -> list[Row]:
        """What the sinks took, oldest first."""
        taken: list[Row] = await self._get("/dev/inbox")
        return taken

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _get(self, path: str, query: dict[str, str] | None = None) -> Any:
        answer = await self._client.get(path, params=query)
        answer.raise_for_status()
        return answer.json()
