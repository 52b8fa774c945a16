"""A mail server that remembers, in the test's own process."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.conditions import eventually


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """One accepted mail: its envelope, its bytes, and the message in them."""

    mail_from: str
    recipients: list[str]
    raw: bytes
    message: EmailMessage


class SmtpSink:
    """Takes every mail, unless `answer` says otherwise.

    `answer` is given each envelope and returns the server's reply, now or later; a mail is
    remembered when the reply begins with 2.
    """

    def __init__(self) -> None:
        self.messages: list[ReceivedMail] = []
        self.answer: Callable[[Envelope], str | Awaitable[str]] = lambda _envelope: "250 OK"
        self.port = 0

    @property
    def url(self) -> str:
        """`smtp://127.0.0.1:PORT`."""
        return f"smtp://127.0.0.1:{self.port}"

    async def wait_for(self, count: int, timeout: float = 10.0) -> list[ReceivedMail]:
        """The mails, once there are at least so many."""
        await eventually(lambda: len(self.messages) >= count, timeout, what=f"{count} mails")
        return list(self.messages)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        answer = self.answer(envelope)
        reply = await answer if inspect.isawaitable(answer) else answer
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        if reply.startswith("2"):
            message = message_from_bytes(raw, policy=policy.default)
            self.messages.append(
                ReceivedMail(envelope.mail_from or "", list(envelope.rcpt_tos), raw, message)
            )
        return reply


@asynccontextmanager
async def running_sink() -> AsyncIterator[SmtpSink]:
    """A sink on a free port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    sink = SmtpSink()
    server = await loop.create_server(
        lambda: SMTP(sink, hostname="localhost", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0
    )
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
