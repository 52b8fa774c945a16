"""A Maildir into which a mail server delivers what comes to our addresses."""

from __future__ import annotations

import asyncio
import os
from email import message_from_bytes
from email.utils import getaddresses
from pathlib import Path
from typing import Final

import structlog

from channels.email.incoming_mail import LARGEST_MAIL
from inbound.intake import Intake
from inbound.smtp_listener import take_mail
from journeys.time.backoff import Backoff

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 5.0
"""Seconds between two looks."""
BATCH: Final = 100
_AWAY: Final = Backoff(first=5.0, longest=60.0)
_RECIPIENT_HEADERS: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")


class MaildirReader:
    """Reads the mails in `new` and moves each to `cur` once it is recorded.

    A mail that is read twice, because the process died in between, has no second effect. A mail
    that could not be recorded stays in `new`; one that cannot be read is flagged in `cur`.
    """

    def __init__(self, intake: Intake, directory: Path, *, every: float = LOOK_EVERY) -> None:
        self._intake = intake
        self._new = directory / "new"
        self._read = directory / "cur"
        self._every = every
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Look until `stop` is called."""
        failures = 0
        while not self._stopping.is_set():
            try:
                put_off = await self.look()
            except OSError as error:
                log.warning("maildir_away", error=str(error))
                put_off = True
            failures = failures + 1 if put_off else 0
            try:
                async with asyncio.timeout(_AWAY.delay(failures) if failures else self._every):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    def stop(self) -> None:
        """End `run` after the mail in hand."""
        self._stopping.set()

    async def look(self) -> bool:
        """Take what is there, oldest first; whether some of it has to be tried again."""
        put_off = False
        for path in await asyncio.to_thread(self._oldest):
            if self._stopping.is_set():
                break
            put_off |= await self._take(path)
        return put_off

    def _oldest(self) -> list[Path]:
        self._read.mkdir(exist_ok=True)
        files = [entry for entry in os.scandir(self._new) if entry.is_file(follow_symlinks=False)]
        files.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime)
        return [Path(entry.path) for entry in files[:BATCH]]

    async def _take(self, path: Path) -> bool:
        raw = await asyncio.to_thread(_read_bounded, path)
        flags = "FS"
        if raw is not None:
            recipients, sender = await asyncio.to_thread(_envelope_of, raw)
            answer = await take_mail(self._intake, raw, recipients, sender=sender)
            if answer.startswith("4"):
                return True
            flags = "S" if answer.startswith("2") else "FS"
        target = self._read / f"{path.name.partition(':')[0]}:2,{flags}"
        await asyncio.to_thread(path.rename, target)
        return False


def _read_bounded(path: Path) -> bytes | None:
    """The bytes of a mail; None if it is too large."""
    with path.open("rb") as file:
        raw = file.read(LARGEST_MAIL + 1)
    return raw if len(raw) <= LARGEST_MAIL else None


def _envelope_of(raw: bytes) -> tuple[list[str], str | None]:
    """The recipients and the sender that the delivering server has noted in the headers."""
    head = raw.partition(b"\r\n\r\n")[0].partition(b"\n\n")[0]
    mail = message_from_bytes(head[:100_000])
    named = [str(value) for name in _RECIPIENT_HEADERS for value in mail.get_all(name, [])]
    recipients = [address for _, address in getaddresses(named[:50]) if address]
    path = mail.get("Return-Path")
    sender = None if path is None else str(path).strip().strip("<>")
    return recipients[:50], sender
