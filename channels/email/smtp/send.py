"""E-mail by SMTP, over connections that are reused.

A message is handed over when the first byte after the server's 354 is written. Before that the
server cannot have taken it; after that only a reply says whether it has.
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
from channels.email.mime import Composed, compose_or_refuse
from channels.email.smtp.replies import Stage, refusal
from channels.email.smtp.server import SmtpServer, abandon
from channels.errors import Code, NotSent, NotTaken, Refused, Unclear
from channels.storable import storable_text

_MAX_IDLE = 30.0
"""Seconds after which an idle connection is not used again.

Servers and firewalls drop idle connections silently, the strictest after one minute."""

_MAX_MESSAGES = 100
"""The most messages by one connection; many servers have a limit too."""

_QUEUED_AS = re.compile(r"\bqueued as ([\w.-]+)|\bid=([\w.-]+)", re.IGNORECASE)
"""The queue id of a message in the replies of Postfix and Exim."""


@dataclass(slots=True)
class _Connection:
    client: aiosmtplib.SMTP
    messages: int = 0
    idle_since: float = 0.0
    in_transaction: bool = False
    """A transaction was started and refused: RSET is needed before the next."""


@dataclass(slots=True)
class _Progress:
    """The progress of one send, from which an error is classified."""

    stage: Literal["queued", "connecting", "before", "handed over"] = "queued"


class _Stale(Exception):
    """A reused connection was dead before the message was handed over."""


class SmtpAdapter:
    """Sends `Email` by one SMTP server.

    At most `connections` are open at once; further sends wait for one, within `timeout`. A
    connection that is not used for `idle_seconds` is closed. `tls_context` replaces the default
    one, which trusts the system's authorities (or those of the file in SSL_CERT_FILE).
    """

    channel: Literal["email"] = "email"

    def __init__(
        self,
        server: SmtpServer,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        connections: int = 20,
        idle_seconds: float = _MAX_IDLE,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self.timeout = timeout
        self._idle_seconds = idle_seconds
        self._server = server
        self._tls_context = tls_context
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []
        self._closing: asyncio.TimerHandle | None = None
        self._hello: str | None = None

    async def send(self, outgoing: Outgoing) -> Receipt:
        """See `Adapter.send`. `provider_id` is the server's queue id, if its reply holds one."""
        composed = await compose_or_refuse(expect(Email, outgoing))
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
        """Send QUIT on idle connections and close them, each within a second."""
        if self._closing is not None:
            self._closing.cancel()
        idle, self._idle = self._idle, []
        for connection in idle:
            with suppress(aiosmtplib.SMTPException, OSError):
                await connection.client.quit(timeout=1.0)
            abandon(connection.client)

    async def _deliver(self, composed: Composed, progress: _Progress) -> Receipt:
        idle = self._take_idle()
        if idle is not None:
            progress.stage = "before"
            try:
                return await self._transact(idle, composed, progress, reused=True)
            except _Stale:
                # The other idle connections are as old or older, so a new one is made.
                pass
        progress.stage = "connecting"
        client = await self._server.connect(
            timeout=self.timeout, hello=self._hello, tls_context=self._tls_context
        )
        self._hello = client.local_hostname
        progress.stage = "before"
        return await self._transact(_Connection(client), composed, progress, reused=False)

    async def _transact(
        self, connection: _Connection, composed: Composed, progress: _Progress, *, reused: bool
    ) -> Receipt:
        """Send one message by one connection, and keep or drop the connection."""
        try:
            receipt = await self._dialogue(connection, composed, progress, reused=reused)
        except NotSent as error:
            if reused and isinstance(error, NotTaken) and not connection.client.is_connected:
                raise _Stale from None
            connection.in_transaction = True
            self._keep(connection)
            raise
        except (aiosmtplib.SMTPServerDisconnected, TimeoutError, OSError):
            abandon(connection.client)
            if reused and progress.stage == "before":
                raise _Stale from None
            raise
        except BaseException:
            abandon(connection.client)
            raise
        connection.in_transaction = False
        self._keep(connection)
        return receipt

    async def _dialogue(
        self, connection: _Connection, composed: Composed, progress: _Progress, *, reused: bool
    ) -> Receipt:
        client = connection.client
        # A reused connection may be dead: time must remain for a new one.
        command_timeout = self.timeout / 4 if reused else self.timeout

        async def ask(stage: Stage, *command: bytes) -> None:
            code, text = await client.execute_command(*command, timeout=command_timeout)
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
            fresh = monotonic() - connection.idle_since < self._idle_seconds
            if fresh and connection.client.is_connected:
                return connection
            abandon(connection.client)
        return None

    def _keep(self, connection: _Connection) -> None:
        if connection.client.is_connected and connection.messages < _MAX_MESSAGES:
            connection.idle_since = monotonic()
            self._idle.append(connection)
            self._close_later()
        else:
            abandon(connection.client)

    def _close_later(self) -> None:
        """Close connections once they have been idle for too long."""
        if self._closing is None:
            left = self._idle[0].idle_since + self._idle_seconds - monotonic()
            self._closing = asyncio.get_running_loop().call_later(max(left, 0), self._close_old)

    def _close_old(self) -> None:
        self._closing = None
        while self._idle and monotonic() - self._idle[0].idle_since >= self._idle_seconds:
            abandon(self._idle.pop(0).client)
        if self._idle:
            self._close_later()

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
    """The content after DATA: leading dots doubled, and the final dot (RFC 5321, 4.5.2)."""
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
