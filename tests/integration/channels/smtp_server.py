"""An SMTP server (aiosmtpd) that behaves as a test says, and remembers what it took."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

DROP = "drop"
"""End the connection instead of replying."""
HANG = "hang"
"""Never reply."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that was taken."""

    sender: str
    recipient: str
    content: bytes
    session: Session


# Without slots: aiosmtpd asks for every member of its handler, and under Python before 3.11.4 the
# slot of weak references can't be asked for.
@dataclass
class SmtpServer:
    """`replies` holds, by command (MAIL, RCPT, DATA for what comes after the content), a reply,
    DROP or HANG, and `once` the same for the next time only; the usual reply stands where they say
    nothing. `seen` counts contents that came whole, taken or not.
    """

    port: int = 0
    replies: dict[str, str] = field(default_factory=dict)
    once: dict[str, str] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    seen: int = 0
    sessions: list[Any] = field(default_factory=list)
    forever: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def drop_all(self) -> None:
        """End every connection, as a server that restarts does."""
        for session in self.sessions:
            if session.transport is not None:
                session.transport.close()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (reply := await self._scripted("MAIL", server)) is not None:
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (reply := await self._scripted("RCPT", server)) is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.seen += 1
        if (reply := await self._scripted("DATA", server)) is not None:
            return reply
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.append(
            Mail(envelope.mail_from or "", ",".join(envelope.rcpt_tos), content, session)
        )
        return "250 2.0.0 Ok: queued as 4QZ7kX1"

    async def _scripted(self, command: str, server: SMTP) -> str | None:
        reply = self.once.pop(command, None) or self.replies.get(command)
        if reply == DROP:
            cast("asyncio.WriteTransport", server.transport).abort()
            # A client that has disconnected gets no reply.
            await self.forever.wait()
        if reply == HANG:
            await self.forever.wait()
        return reply


@asynccontextmanager
async def running_smtp(
    *,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    password: str | None = None,
    utf8: bool = True,
) -> AsyncIterator[SmtpServer]:
    """A server on a free port of 127.0.0.1: with TLS from the first byte, with STARTTLS, or with
    STARTTLS and a password that any user must give.
    """
    loop = asyncio.get_running_loop()
    behaviour = SmtpServer()

    def check(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        # Unhandled: aiosmtpd itself says 235 or 535.
        return AuthResult(success=data.password.decode() == password, handled=False)

    def session() -> SMTP:
        server = SMTP(
            behaviour,
            hostname="mail.test",
            enable_SMTPUTF8=utf8,
            loop=loop,
            tls_context=starttls,
            authenticator=check if password else None,
            auth_required=password is not None,
        )
        behaviour.sessions.append(server)
        return server

    listening = await loop.create_server(session, "127.0.0.1", 0, ssl=tls)
    behaviour.port = listening.sockets[0].getsockname()[1]
    try:
        yield behaviour
    finally:
        behaviour.drop_all()
        behaviour.forever.set()
        listening.close()
