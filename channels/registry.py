"""The providers of each channel, and the adapters of one process.

A provider is an entry of `PROVIDERS`, its name among the choices in `infra.settings`, and a folder
of its own with its adapter. A test compares the entries with the channels and with the settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from pydantic import SecretStr

from channels.adapter import Adapter, Append
from channels.email.ses.send import SesAdapter
from channels.email.smtp.send import SmtpAdapter
from channels.email.smtp.server import SmtpServer
from channels.sms.inbox.send import InboxAdapter
from channels.sms.sns.send import SnsAdapter
from channels.unset import UnsetAdapter
from channels.webhook.allowed_addresses import Network
from channels.webhook.send import WebhookAdapter
from journeys.protocol.channels import CHANNELS, ChannelName


class ChannelSettings(Protocol):
    """The settings that providers read, by their names in `infra.settings.Settings`."""

    @property
    def email(self) -> str:
        """The provider of e-mail."""

    @property
    def sms(self) -> str:
        """The provider of text messages."""

    @property
    def smtp_url(self) -> str | None:
        """The SMTP server; see `channels.email.smtp.server`."""

    @property
    def aws_region(self) -> str | None:
        """The region of SES and SNS."""

    @property
    def aws_endpoint_url(self) -> str | None:
        """The address to call instead of Amazon's."""

    @property
    def webhook_secret(self) -> SecretStr | None:
        """The key of the signature on webhooks."""

    @property
    def webhook_allow(self) -> Iterable[str | Network]:
        """The private networks that webhooks may reach."""

    @property
    def slots_sends(self) -> int:
        """The sends of a channel at the same time."""


Provider = Callable[[ChannelSettings, Append | None], Adapter]
"""Makes an adapter from the settings. The second argument keeps messages in development."""


def _smtp(settings: ChannelSettings, _inbox: Append | None) -> Adapter:
    if not settings.smtp_url:
        raise ValueError("e-mail by SMTP needs SMTP_URL, such as smtp://localhost:1025")
    return SmtpAdapter(SmtpServer.parse(settings.smtp_url))


def _ses(settings: ChannelSettings, _inbox: Append | None) -> Adapter:
    if not settings.aws_region:
        raise ValueError("e-mail by SES needs AWS_REGION, such as eu-west-1")
    return SesAdapter(region=settings.aws_region, endpoint_url=settings.aws_endpoint_url)


def _sns(settings: ChannelSettings, _inbox: Append | None) -> Adapter:
    if not settings.aws_region:
        return UnsetAdapter("sms", "SMS go by SNS, and AWS_REGION is not set")
    return SnsAdapter(region=settings.aws_region, endpoint_url=settings.aws_endpoint_url)


def _sms_inbox(_settings: ChannelSettings, inbox: Append | None) -> Adapter:
    if inbox is None:
        raise ValueError("PARCOURS_SMS=inbox is for the development stack alone")
    return InboxAdapter(inbox)


def _http(settings: ChannelSettings, _inbox: Append | None) -> Adapter:
    if settings.webhook_secret is None or not settings.webhook_secret.get_secret_value():
        return UnsetAdapter(
            "webhook", "webhooks are signed, and PARCOURS_WEBHOOK_SECRET is not set"
        )
    return WebhookAdapter(
        secret=settings.webhook_secret.get_secret_value(),
        allow=settings.webhook_allow,
        connections=settings.slots_sends,
    )


PROVIDERS: Final[Mapping[ChannelName, Mapping[str, Provider]]] = {
    "email": {"smtp": _smtp, "ses": _ses},
    "sms": {"sns": _sns, "inbox": _sms_inbox},
    "webhook": {"http": _http},
}


def build(settings: ChannelSettings, *, inbox: Append | None = None) -> dict[ChannelName, Adapter]:
    """An adapter for every channel, to be closed by the caller.

    A webhook without a secret, and an SMS without a region, are `NotTaken`: an installation may do
    without them. Raises ValueError that names the setting which is missing or wrong.
    """
    chosen: dict[ChannelName, str] = {
        "email": settings.email,
        "sms": settings.sms,
        "webhook": "http",
    }
    return {channel: PROVIDERS[channel][chosen[channel]](settings, inbox) for channel in CHANNELS}
