"""The SMTP server of a URL, and connections to it."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import aiosmtplib

Starttls = Literal["require", "auto", "never"]

_EXAMPLE = "smtp://user:password@mail.example.com:587 or smtps://user:password@mail.example.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """The address of an SMTP server, its user, and the encryption of connections.

    `smtp://[user:password@]host[:port][?starttls=require|auto|never]`, or `smtps://…` for TLS from
    the first byte. Ports default to 465 for smtps, else to 587 with a user and 25 without one. With
    a user and a host that is not the loopback, `starttls` defaults to `require`, so that a password
    is never sent unencrypted by accident. Otherwise it defaults to `auto`: TLS if the server
    offers it.
    """

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    tls: bool = False
    starttls: Starttls = "auto"

    @classmethod
    def parse(cls, url: str) -> SmtpServer:
        """The server of a URL. Raises ValueError that says what is wrong, without the password."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError(f"SMTP_URL is not a URL of an SMTP server: write {_EXAMPLE}")
        if parts.path not in ("", "/") or parts.fragment:
            raise ValueError(
                f"SMTP_URL has something after the port: write {_EXAMPLE} "
                "(and %2F for / in a password)"
            )
        try:
            port = parts.port
        except ValueError:
            raise ValueError(f"SMTP_URL has no number for a port: write {_EXAMPLE}") from None
        tls = parts.scheme == "smtps"
        user = unquote(parts.username) if parts.username else None
        if port is None:
            port = 465 if tls else 587 if user else 25
        starttls: Starttls = "require" if user and not _is_loopback(parts.hostname) else "auto"
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            if name != "starttls":
                raise ValueError(f"SMTP_URL has an unknown option {name!r}: it knows starttls")
            match value.lower():
                case "require" | "auto" | "never" as option:
                    starttls = option
                case "true" | "1":
                    starttls = "require"
                case "false" | "0":
                    starttls = "never"
                case _:
                    raise ValueError(
                        f"SMTP_URL says starttls={value}: write require, auto or never"
                    )
        return cls(
            host=parts.hostname,
            port=port,
            user=user,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
            starttls=starttls,
        )

    async def connect(
        self, *, timeout: float, hello: str | None = None, tls_context: ssl.SSLContext | None = None
    ) -> aiosmtplib.SMTP:
        """A connection after EHLO, encrypted and logged in as the URL says.

        `hello` is this machine's name for EHLO; None looks it up, which can take seconds.
        `timeout` is in seconds for each exchange. Raises SMTPException, OSError and ssl.SSLError.
        """
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            local_hostname=hello,
            timeout=timeout,
            use_tls=self.tls,
            start_tls=False if self.tls else _STARTTLS[self.starttls],
            tls_context=tls_context,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                try:
                    await client.ehlo()
                except aiosmtplib.SMTPHeloError:
                    await client.helo()
        except (Exception, asyncio.CancelledError):
            abandon(client)
            raise
        return client


_STARTTLS: dict[Starttls, bool | None] = {"require": True, "auto": None, "never": False}


def abandon(client: aiosmtplib.SMTP) -> None:
    """Close the connection at once. Bytes that are not written yet are lost."""
    if client.transport is not None:
        # A cast, not `isinstance`: transports of uvloop do not derive from those of asyncio.
        cast(asyncio.WriteTransport, client.transport).abort()
    client.close()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
