"""The SMTP sink: it accepts every mail and keeps it in the inbox."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr

from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack.inbox import Inbox, TakenMessage
from devstack.ports import HOST

LARGEST_MAIL = 40 * 1024 * 1024


class Sink:
    """An aiosmtpd handler that writes one record for each recipient."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take the mail once it is on disk."""
        content = envelope.content
        if isinstance(content, str):
            content = content.encode()
        taken = take(content or b"", envelope.mail_from or "", envelope.rcpt_tos)
        await asyncio.to_thread(self._inbox.append, *taken)
        return "250 OK"


async def start_sink(inbox: Inbox, port: int) -> asyncio.Server:
    """Listen on 127.0.0.1; the caller closes the server.

    Raises:
        OSError: the port is taken.
    """
    loop = asyncio.get_running_loop()
    handler = Sink(inbox)
    return await loop.create_server(
        lambda: SMTP(
            handler,
            hostname="localhost",
            ident="Parcours sink",
            enable_SMTPUTF8=True,
            data_size_limit=LARGEST_MAIL,
            loop=loop,
        ),
        HOST,
        port,
    )


def take(content: bytes, mail_from: str, recipients: list[str]) -> list[TakenMessage]:
    """A mail as the inbox keeps it, once for each recipient of its envelope.

    The sender is the address people see (`From`), else the envelope's.
    """
    mail = message_from_bytes(content, policy=policy.default)
    headers: dict[str, str] = {}
    for name, value in mail.items():
        headers[name] = f"{headers[name]}\n{value}" if name in headers else str(value)
    sender = parseaddr(headers.get("From", ""))[1] or parseaddr(mail_from)[1] or mail_from
    return [
        TakenMessage(
            channel="email",
            to=parseaddr(recipient)[1] or recipient,
            sender=sender,
            subject=headers.get("Subject"),
            text=_body(mail, "plain"),
            html=_body(mail, "html"),
            headers=headers,
        )
        for recipient in recipients
    ]


def _body(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body(preferencelist=(kind,))
    if part is None:
        return None
    text: str = part.get_content()
    return text
