"""The inbox of the development stack: a file with one taken message a line.

Several processes write it (the SMTP sink, and workers for other channels) and several read it.
"""

import fcntl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from journeys.protocol.channels import MessageChannel


@dataclass(frozen=True, slots=True)
class TakenMessage:
    """One message to one recipient.

    `to` and `sender` are bare addresses or numbers; `received_at` is aware.
    """

    channel: MessageChannel
    to: str
    sender: str
    text: str | None
    subject: str | None = None
    html: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        if self.received_at.tzinfo is None:
            raise ValueError("received_at must be aware: a naive time has no meaning here")


class Inbox:
    """The file; made at the first message."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, *messages: TakenMessage) -> None:
        """Add messages at the end, all of them or none that a reader would see."""
        lines = b"".join(orjson.dumps(_record(message)) + b"\n" for message in messages)
        with self.path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(lines)
            file.flush()

    def read(self, to: str | None = None) -> list[dict[str, Any]]:
        """Records, oldest first: `{channel, to, from, subject, text, html, headers, received_at}`.

        Args:
            to: only those to this address or number; upper and lower case are the same.
        """
        try:
            with self.path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                lines = file.read().splitlines()
        except FileNotFoundError:
            return []
        records: list[dict[str, Any]] = [orjson.loads(line) for line in lines]
        if to is None:
            return records
        wanted = to.casefold()
        return [record for record in records if record["to"].casefold() == wanted]

    def remove(self, addresses: Collection[str]) -> int:
        """Remove the messages to these addresses and numbers; how many there were."""
        unwanted = {address.casefold() for address in addresses}
        try:
            with self.path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                lines = file.readlines()
                kept = [
                    line for line in lines if orjson.loads(line)["to"].casefold() not in unwanted
                ]
                if len(kept) < len(lines):
                    file.seek(0)
                    file.writelines(kept)
                    file.truncate()
                return len(lines) - len(kept)
        except FileNotFoundError:
            return 0


def _record(message: TakenMessage) -> dict[str, Any]:
    return {
        "channel": message.channel,
        "to": message.to,
        "from": message.sender,
        "subject": message.subject,
        "text": message.text,
        "html": message.html,
        "headers": dict(message.headers),
        "received_at": message.received_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
