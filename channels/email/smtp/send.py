"""E-mail by SMTP, over connections that are kept for the next message.

The message is handed over when the first byte after the server's 354 is written; until then
nothing can have been taken, and after it only a reply tells.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Literal

import aiosmtplib

from channels.adapter import DEFAULT_TIMEOUT, Email, Outgoing, Receipt, expect
from channels.email.mime import Composed, composed_or_refused
from channels.email.smtp.replies import Stage, refusal
from channels.email.smtp.server import SmtpServer, abandon
from channels.errors import Code, NotSent, NotTaken, Refused, Unclear
from channels.storable import storable_text

_MAX_IDLE = 30.0
"""Seconds after which a connection is not used again: servers and the firewalls before them drop
idle ones silently, after a minute in the strictest set-ups."""

_MAX_MESSAGES = 100
"""Messages by one connection; many servers end it at a number of their own."""

_QUEUED_AS = re.compile(r"\bqueued as ([\w.-]+)|\bid=([\w.-]+)", re.IGNORECASE)
"""How Postfix and Exim name a message in their reply to it."""


@dataclass(slots=True)
class _Connection:
    client: aiosmtplib.SMTP
    messages: int = 0
    idle_since: float = 0.0
    in_transaction: bool = False
    """A transaction was begun and refused: it needs RSET before the next."""


@dataclass(slots=True)
class _Progress:
    """How far one send has come, for whoever interrupts it."""

    stage: Literal["queued", "connecting", "before", "handed over"] = "queued"


class _Stale(Exception):
    """A kept connection turned out to be dead, before anything was handed over."""


class SmtpAdapter:
    """Sends `Email` by one SMTP server.

    `connections` bounds how many are open at once; further sends wait for one, within `timeout`.
    `tls_context` replaces the default one, which trusts the system's authorities (or those of the
    file in SSL_CERT_FILE).
    """

    channel: Literal["email"] = "email"

    def __init__(
        self,
        server: SmtpServer,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        connections: int = 20,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self.timeout = timeout
        self._server = server
        self._tls_context = tls_context
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []
        self._hello: str | None = None

    async def send(self, outgoing: Outgoing) -> Receipt:
        """See `Adapter.send`. `provider_id` is the server's queue id, if its reply tells one."""
        composed = composed_or_refused(expect(Email, outgoing))
        progress = _Progress()
        try:
            async with asyncio.timeout(self.timeout), self._slots:
                return await self._deliver(composed, progress)
        except NotSent:
            raise
        except TimeoutError:
            raise self._out_of_time(progress) from None
        except Exception as error:
            raise _failure(error, progress) from None

    async def close(self) -> None:
        """Say goodbye on idle connections, for a second at most."""
        idle, self._idle = self._idle, []
        for connection in idle:
            with suppress(aiosmtplib.SMTPException, OSError):
                await connection.client.quit(timeout=1.0)
            abandon(connection.client)

    async def _deliver(self, composed: Composed, progress: _Progress) -> Receipt:
        kept = self._take_idle()
        if kept is not None:
            progress.stage = "before"
            try:
                return await self._transact(kept, composed, progress, kept=True)
            except _Stale:
                # Other idle connections are as old or older: a new one is the surest.
                pass
        progress.stage = "connecting"
        client = await self._server.connect(
            timeout=self.timeout, hello=self._hello, tls_context=self._tls_context
        )
        self._hello = client.local_hostname
        progress.stage = "before"
        return await self._transact(_Connection(client), composed, progress, kept=False)

    async def _transact(
        self, connection: _Connection, composed: Composed, progress: _Progress, *, kept: bool
    ) -> Receipt:
        """One message by one connection, which is kept or dropped afterwards."""
        try:
            receipt = await self._dialogue(connection, composed, progress, kept=kept)
        except NotSent as error:
            if kept and isinstance(error, NotTaken) and not connection.client.is_connected:
                raise _Stale from None
            connection.in_transaction = True
            self._keep(connection)
            raise
        except (aiosmtplib.SMTPServerDisconnected, TimeoutError, OSError):
            abandon(connection.client)
            if kept and progress.stage == "before":
                raise _Stale from None
            raise
        except BaseException:
            abandon(connection.client)
            raise
        connection.in_transaction = False
        self._keep(connection)
        return receipt

    async def _dialogue(
        self, connection: _Connection, composed: Composed, progress: _Progress, *, kept: bool
    ) -> Receipt:
        client = connection.client
        # A dead kept connection must leave time for a new one.
        patience = self.timeout / 4 if kept else self.timeout

        async def ask(stage: Stage, *command: bytes) -> None:
            code, text = await client.execute_command(*command, timeout=patience)
            if code != (354 if stage == "data" else 250) and not (stage == "rcpt" and code == 251):
                raise refusal(stage, code, text)

        if connection.in_transaction:
            await ask("mail", b"RSET")
        options = self._mail_options(client, composed)
        connection.messages += 1
        await ask("mail", b"MAIL", b"FROM:<" + composed.sender.encode() + b">", *options)
        await ask("rcpt", b"RCPT", b"TO:<" + composed.recipient.encode() + b">")
        await ask("data", b"DATA")

        protocol = client.protocol
        if protocol is None or not protocol.is_connected:
            raise aiosmtplib.SMTPServerDisconnected("the connection ended after DATA")
        progress.stage = "handed over"
        protocol.write(_dotted(composed.content))
        code, text = await protocol.read_response(timeout=self.timeout)
        if not 200 <= code < 300:
            raise refusal("end", code, text)
        queued = _QUEUED_AS.search(text)
        return Receipt(
            provider_id=queued[1] or queued[2] if queued else None,
            facts={"reply": storable_text(f"{code} {text}")},
        )

    @staticmethod
    def _mail_options(client: aiosmtplib.SMTP, composed: Composed) -> list[bytes]:
        options = []
        if client.supports_extension("size"):
            options.append(b"SIZE=%d" % len(composed.content))
        if composed.utf8:
            if not client.supports_extension("smtputf8"):
                raise Refused(
                    Code.ADDRESS_INVALID,
                    "an address has letters outside ASCII before the @, and the SMTP server does "
                    "not offer SMTPUTF8",
                )
            options += [b"BODY=8BITMIME", b"SMTPUTF8"]
        return options

    def _take_idle(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            fresh = monotonic() - connection.idle_since < _MAX_IDLE
            if fresh and connection.client.is_connected:
                return connection
            abandon(connection.client)
        return None

    def _keep(self, connection: _Connection) -> None:
        if connection.client.is_connected and connection.messages < _MAX_MESSAGES:
            connection.idle_since = monotonic()
            self._idle.append(connection)
        else:
            abandon(connection.client)

    def _out_of_time(self, progress: _Progress) -> NotSent:
        match progress.stage:
            case "queued":
                return NotTaken(
                    Code.BUSY, f"no connection to the SMTP server was free for {self.timeout:g} s"
                )
            case "handed over":
                return Unclear(
                    Code.NO_ANSWER,
                    f"the SMTP server did not answer to the message within {self.timeout:g} s",
                )
            case _:
                return NotTaken(
                    Code.UNREACHABLE,
                    f"the SMTP server was not ready to take the message within {self.timeout:g} s",
                )


def _dotted(content: bytes) -> bytes:
    """What follows DATA: leading dots doubled, and the dot that ends it (RFC 5321, 4.5.2)."""
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", content) + b".\r\n"


def _failure(error: Exception, progress: _Progress) -> NotSent:
    if progress.stage == "handed over":
        if isinstance(error, aiosmtplib.SMTPResponseException):
            return refusal("end", error.code, error.message)
        return Unclear(Code.INTERRUPTED, f"the connection to the SMTP server was lost: {error}")
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return NotTaken(Code.TLS_FAILED, f"no TLS with the SMTP server: {error}")
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return refusal("login", error.code, error.message)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return refusal("connect", error.code, error.message)
    if isinstance(error, (OSError, aiosmtplib.SMTPServerDisconnected)):
        return NotTaken(Code.UNREACHABLE, f"no connection to the SMTP server: {error}")
    return NotTaken(Code.ACCOUNT, f"the SMTP server does not offer what SMTP_URL asks: {error}")
