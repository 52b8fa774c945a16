"""A mail server for our own addresses alone: bounces, replies and unsubscriptions.

It takes mail to genuine addresses of `channels.email.return_addresses`, relays nothing, and answers
that the sender should try again while the database is away.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.email.incoming_mail import LARGEST_MAIL, parse_mail
from channels.notifications import Unreadable
from inbound.intake import Intake
from store.sql import is_database_away, is_database_busy

log = structlog.get_logger(__name__)

SESSIONS: Final = 20
"""The most connections at the same time; each may hold one mail in memory."""
SESSIONS_OF_ADDRESS: Final = 10
"""The most of them from one address, so that one client cannot keep all others out."""
RECIPIENTS: Final = 10
_IDLE: Final = 60.0
"""Seconds after which a silent connection is closed."""

_TAKEN: Final = "250 2.0.0 taken"
_NO_SUCH_ADDRESS: Final = "550 5.1.1 there is no such address here"
_TOO_MANY: Final = "452 4.5.3 too many recipients"
_UNREADABLE: Final = "554 5.6.0 the mail cannot be read"
_TRY_AGAIN: Final = "451 4.3.0 try again later"


class _Handler:
    """Decides on recipients and mails."""

    def __init__(self, intake: Intake) -> None:
        assert intake.addresses is not None
        self._intake = intake
        self._addresses = intake.addresses

    async def handle_RCPT(  # noqa: N802 - the library calls it so
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        if self._addresses.read(address) is None:
            return _NO_SUCH_ADDRESS
        if len(envelope.rcpt_tos) >= RECIPIENTS:
            return _TOO_MANY
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(  # noqa: N802 - the library calls it so
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        return await take_mail(
            self._intake, raw, envelope.rcpt_tos, sender=envelope.mail_from or ""
        )


class _LimitedSMTP(SMTP):
    """A session that is refused when there are too many."""

    live: ClassVar[Counter[str]]
    """The connections by address."""
    _address = ""

    def connection_made(self, transport: Any) -> None:
        """Take the connection, or close it at once."""
        self._address = str((transport.get_extra_info("peername") or ("",))[0])
        live = type(self).live
        live[self._address] += 1
        too_many = live.total() > SESSIONS or live[self._address] > SESSIONS_OF_ADDRESS
        if too_many:
            transport.write(b"421 4.3.2 too many connections, try again later\r\n")
        super().connection_made(transport)
        if too_many:
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Count the connection no more."""
        live = type(self).live
        live[self._address] -= 1
        if not live[self._address]:
            del live[self._address]
        super().connection_lost(error)


async def take_mail(
    intake: Intake, raw: bytes, recipients: list[str], *, sender: str | None
) -> str:
    """Take one mail; the answer to the server that brought it, by which it tries again or not."""
    assert intake.addresses is not None
    try:
        # A large mail takes the parser a tenth of a second.
        facts = await asyncio.to_thread(
            parse_mail, raw, recipients, intake.addresses, sender=sender
        )
        if not facts:
            return _TAKEN
        result = await intake.take_facts("a mail", facts)
    except Unreadable:
        return _UNREADABLE
    except Exception as error:
        if is_database_away(error) or is_database_busy(error):
            log.warning("mail_put_off", error=type(error).__name__)
        else:
            log.exception("mail_failed")
        return _TRY_AGAIN
    return _TAKEN if result == "taken" else _TRY_AGAIN


@asynccontextmanager
async def listening(intake: Intake, address: str) -> AsyncIterator[int]:
    """Take mail on `host:port` until the context ends; the port. Raises OSError if it is taken."""
    assert intake.addresses is not None
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    handler = _Handler(intake)
    domain = intake.addresses.domain

    class Session(_LimitedSMTP):
        """The sessions of this listener, which are counted together."""

        live: ClassVar[Counter[str]] = Counter()

    def session() -> SMTP:
        return Session(
            handler,
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            hostname=domain,
            ident="Parcours",
            timeout=_IDLE,
            loop=loop,
        )

    server = await loop.create_server(session, host.strip("[]"), int(port))
    try:
        taken: int = server.sockets[0].getsockname()[1]
        log.info("mail_taken_on", host=host, port=taken, domain=domain)
        yield taken
    finally:
        server.close()
