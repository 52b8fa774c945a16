"""Runs and mails, polled from the API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx

from demo.api_client import Row, Server

EVERY = 0.4


class Watch:
    """The newest state of all runs and mails; `refresh_forever` keeps it up to date."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._refreshed = asyncio.Condition()
        self.runs: list[Row] = []
        """With their visits, oldest first."""
        self.mails: dict[str, list[Row]] = {}
        """By address, oldest first."""

    def runs_of(self, contact: str) -> list[Row]:
        """A contact's runs, oldest first."""
        return [run for run in self.runs if run["contact"] == contact]

    async def refresh_forever(self) -> None:
        """Refresh until cancelled. While the server is away the last state stays."""
        while True:
            try:
                await self._refresh()
            except httpx.TransportError:
                pass
            await asyncio.sleep(EVERY)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once `holds` is true."""
        async with self._refreshed:
            await self._refreshed.wait_for(holds)

    async def changed(self) -> None:
        """Return at the next refresh."""
        async with self._refreshed:
            await self._refreshed.wait()

    async def _refresh(self) -> None:
        before = {run["id"]: run for run in self.runs}
        runs: list[Row] = []
        for listed in await self._server.runs():
            known = before.get(listed["id"])
            ended = known is not None and known["state"] == "ended"
            runs.append(known if known and ended else await self._server.run(listed["id"]))
        runs.sort(key=lambda run: (run["started_at"], run["id"]))
        mails: dict[str, list[Row]] = {}
        for mail in await self._server.inbox():
            mails.setdefault(mail["to"], []).append(mail)
        self.runs, self.mails = runs, mails
        async with self._refreshed:
            self._refreshed.notify_all()
