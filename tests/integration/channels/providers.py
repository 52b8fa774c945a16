"""Each kind of provider behind one face, so that one suite can ask the same of every adapter."""

import json
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

import boto3
import httpx
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends
from moto.sns.models import sns_backends

from channels.adapter import Adapter, Call, Email, Outgoing, Sms
from channels.email.ses.send import SesAdapter
from channels.email.smtp.send import SmtpAdapter
from channels.email.smtp.server import SmtpServer as SmtpUrl
from channels.sms.end_user_messaging.send import EndUserMessagingAdapter
from channels.sms.sns.send import SnsAdapter
from channels.webhook.send import WebhookAdapter
from tests.integration.channels.http_server import Exchange, HttpServer, running_http
from tests.integration.channels.smtp_server import DROP, HANG, SmtpServer, running_smtp
from tests.support.end_user_messaging import EndUserMessaging, answer_error

REGION = "eu-west-1"
SENDER = "hello@shop.example"


def closed_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port


class Provider(ABC):
    """A provider, the adapter for it, and ways for it to behave."""

    recipient: str
    """What must never be read in an error's text."""

    @abstractmethod
    def adapter(self, *, timeout: float = 20.0, port: int | None = None) -> Adapter:
        """A new adapter, of this provider or of another port."""

    @abstractmethod
    def outgoing(self) -> Outgoing:
        """A new message."""

    @abstractmethod
    def taken(self) -> int:
        """How many messages reached the provider whole."""

    @abstractmethod
    def refuse(self) -> None: ...

    @abstractmethod
    def defer(self) -> None: ...

    @abstractmethod
    def drop(self) -> None:
        """Take the message, and end the connection without an answer."""

    @abstractmethod
    def hang(self) -> None:
        """Take the message, and never answer."""

    @abstractmethod
    def accept(self) -> None: ...


def an_email() -> Email:
    return Email(
        message_id=uuid4(),
        to="ann@example.com",
        from_=f"The Shop <{SENDER}>",
        subject="Your cart",
        text="Still there.\n.\n..dots\n",
        tags={"journey": "abandoned-cart", "step": "reminder"},
    )


def an_sms() -> Sms:
    return Sms(message_id=uuid4(), to="+33612345678", text="Your table is ready")


class SmtpProvider(Provider):
    recipient = "ann@example.com"

    def __init__(self, server: SmtpServer) -> None:
        self.server = server

    def adapter(self, *, timeout: float = 20.0, port: int | None = None) -> Adapter:
        url = SmtpUrl.parse(f"smtp://127.0.0.1:{port or self.server.port}")
        return SmtpAdapter(url, timeout=timeout)

    def outgoing(self) -> Outgoing:
        return an_email()

    def taken(self) -> int:
        return self.server.seen

    def refuse(self) -> None:
        self.server.replies = {"RCPT": f"550 5.1.1 <{self.recipient}> no such user"}

    def defer(self) -> None:
        self.server.replies = {"RCPT": f"450 4.2.0 <{self.recipient}> greylisted"}

    def drop(self) -> None:
        self.server.replies = {"DATA": DROP}

    def hang(self) -> None:
        self.server.replies = {"DATA": HANG}

    def accept(self) -> None:
        self.server.replies = {}


class HttpProvider(Provider):
    """One that is called by HTTP."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server

    @abstractmethod
    async def take(self, exchange: Exchange) -> None:
        """Take the message and answer."""

    async def swallow(self, exchange: Exchange) -> None:
        """Take the message without an answer."""

    def accept(self) -> None:
        self.server.behaviour = self.take

    def drop(self) -> None:
        async def behave(exchange: Exchange) -> None:
            await self.swallow(exchange)
            exchange.drop()

        self.server.behaviour = behave

    def hang(self) -> None:
        async def behave(exchange: Exchange) -> None:
            await self.swallow(exchange)
            await exchange.hang()

        self.server.behaviour = behave

    def say(self, status: int, body: bytes, **headers: str) -> None:
        async def behave(exchange: Exchange) -> None:
            await exchange.answer(status, body, **headers)

        self.server.behaviour = behave


class WebhookProvider(HttpProvider):
    recipient = "crm-secret-path"

    def adapter(self, *, timeout: float = 20.0, port: int | None = None) -> Adapter:
        self.port = port or self.server.port
        return WebhookAdapter(secret="whsec", allow=["127.0.0.0/8"], timeout=timeout)

    def outgoing(self) -> Outgoing:
        url = f"http://127.0.0.1:{self.port}/{self.recipient}"
        return Call(message_id=uuid4(), url=url, body={"score": 50})

    def taken(self) -> int:
        return len(self.server.requests)

    async def take(self, exchange: Exchange) -> None:
        await exchange.answer(200, b'{"id": "x1"}', Content_Type="application/json")

    def refuse(self) -> None:
        self.say(404, self.recipient.encode())

    def defer(self) -> None:
        self.say(503, b"", Retry_After="7")


class AwsProvider(HttpProvider):
    """A service of AWS: moto, behind a server that can keep moto's answers to itself."""

    def __init__(self, server: HttpServer, moto: str) -> None:
        super().__init__(server)
        self.moto = moto
        self.accept()

    async def take(self, exchange: Exchange) -> None:
        answer = await self._forward(exchange)
        kind = answer.headers.get("content-type", "text/xml")
        await exchange.answer(answer.status_code, answer.content, Content_Type=kind)

    async def swallow(self, exchange: Exchange) -> None:
        assert (await self._forward(exchange)).is_success

    async def _forward(self, exchange: Exchange) -> httpx.Response:
        request = exchange.request
        async with httpx.AsyncClient() as client:
            return await client.request(
                request.method,
                f"{self.moto}{request.target}",
                headers=dict(request.headers),
                content=request.body,
            )


class SesProvider(AwsProvider):
    recipient = "ann@example.com"

    def __init__(self, server: HttpServer, moto: str) -> None:
        super().__init__(server, moto)
        self.verify(moto)

    @staticmethod
    def verify(moto: str) -> None:
        """Let the sender send."""
        boto3.client("sesv2", region_name=REGION, endpoint_url=moto).create_email_identity(
            EmailIdentity=SENDER
        )

    def adapter(self, *, timeout: float = 20.0, port: int | None = None) -> Adapter:
        endpoint = f"http://127.0.0.1:{port or self.server.port}"
        return SesAdapter(region=REGION, endpoint_url=endpoint, timeout=timeout)

    def outgoing(self) -> Outgoing:
        return an_email()

    def taken(self) -> int:
        return len(ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages)

    def refuse(self) -> None:
        self.fail(400, "MessageRejected", f"Email address is not verified: {self.recipient}")

    def defer(self) -> None:
        self.fail(429, "TooManyRequestsException", "Too many requests")

    def fail(self, status: int, code: str, words: str) -> None:
        self.say(
            status,
            b'{"message": "%s"}' % words.encode(),
            Content_Type="application/json",
            x_amzn_ErrorType=code,
        )


class SnsProvider(AwsProvider):
    recipient = "+33612345678"

    def adapter(self, *, timeout: float = 20.0, port: int | None = None) -> Adapter:
        endpoint = f"http://127.0.0.1:{port or self.server.port}"
        return SnsAdapter(region=REGION, endpoint_url=endpoint, timeout=timeout)

    def outgoing(self) -> Outgoing:
        return an_sms()

    def taken(self) -> int:
        return len(sns_backends[DEFAULT_ACCOUNT_ID][REGION].sms_messages)

    def refuse(self) -> None:
        self.fail(
            400,
            "InvalidParameter",
            f"Invalid parameter: PhoneNumber Reason: {self.recipient} is not valid to publish to",
        )

    def defer(self) -> None:
        self.fail(400, "Throttling", "Rate exceeded")

    def fail(self, status: int, code: str, words: str) -> None:
        self.say(
            status,
            (
                '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error>'
                f"<Type>Sender</Type><Code>{code}</Code><Message>{words}</Message></Error>"
                "<RequestId>1</RequestId></ErrorResponse>"
            ).encode(),
            Content_Type="text/xml",
        )


class EndUserMessagingProvider(HttpProvider):
    recipient = "+33612345678"

    def __init__(self, server: HttpServer) -> None:
        super().__init__(server)
        self.service = EndUserMessaging()
        self.accept()

    async def take(self, exchange: Exchange) -> None:
        await self.service.take(exchange)

    async def swallow(self, exchange: Exchange) -> None:
        assert self.service.check(exchange.request) is None
        self.service.taken.append(json.loads(exchange.request.body))

    def adapter(self, *, timeout: float = 20.0, port: int | None = None) -> Adapter:
        endpoint = f"http://127.0.0.1:{port or self.server.port}"
        return EndUserMessagingAdapter(region=REGION, endpoint_url=endpoint, timeout=timeout)

    def outgoing(self) -> Outgoing:
        return an_sms()

    def taken(self) -> int:
        return len(self.service.taken)

    def refuse(self) -> None:
        words = f"{self.recipient} has opted out"
        self.fail(400, "ConflictException", words, "DESTINATION_PHONE_NUMBER_OPTED_OUT")

    def defer(self) -> None:
        self.fail(400, "ThrottlingException", "Rate exceeded")

    def fail(self, status: int, code: str, words: str, reason: str | None = None) -> None:
        async def behave(exchange: Exchange) -> None:
            await answer_error(exchange, status, code, words, reason)

        self.server.behaviour = behave


@asynccontextmanager
async def running_smtp_provider(_moto: str) -> AsyncIterator[Provider]:
    """An SMTP server."""
    async with running_smtp() as server:
        yield SmtpProvider(server)


@asynccontextmanager
async def running_ses(moto: str) -> AsyncIterator[Provider]:
    """Amazon SES."""
    async with running_http() as server:
        yield SesProvider(server, moto)


@asynccontextmanager
async def running_sns(moto: str) -> AsyncIterator[Provider]:
    """Amazon SNS."""
    async with running_http() as server:
        yield SnsProvider(server, moto)


@asynccontextmanager
async def running_end_user_messaging(_moto: str) -> AsyncIterator[Provider]:
    """AWS End User Messaging, which moto does not have."""
    async with running_http() as server:
        yield EndUserMessagingProvider(server)


@asynccontextmanager
async def running_webhook(_moto: str) -> AsyncIterator[Provider]:
    """A receiver of webhooks."""
    async with running_http() as server:
        yield WebhookProvider(server)


RUNNING: Mapping[str, Callable[[str], AbstractAsyncContextManager[Provider]]] = {
    "smtp": running_smtp_provider,
    "ses": running_ses,
    "sns": running_sns,
    "end-user-messaging": running_end_user_messaging,
    "http": running_webhook,
}
"""By the provider's name in `channels.registry`: runs it, from the address of moto."""
