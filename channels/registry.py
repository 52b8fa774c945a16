"""The providers of each channel, and the adapters of one process.

A provider is an entry of `PROVIDERS`, its name among the choices in `infra.settings`, and a folder
of its own with its adapter. A test compares the entries with the channels and with the settings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import SecretStr

from channels.adapter import Adapter, Append
from channels.email.ses.send import SesAdapter
from channels.email.smtp.send import SmtpAdapter
from channels.email.smtp.server import SmtpServer
from channels.sms.end_user_messaging.send import EndUserMessagingAdapter
from channels.sms.inbox.send import InboxAdapter
from channels.sms.sns.send import SENDER, SnsAdapter
from channels.unset import UnsetAdapter
from channels.webhook.allowed_addresses import Network
from channels.webhook.send import WebhookAdapter
from journeys.protocol.channels import (
    NAMED_PROVIDERS,
    ChannelName,
    EmailProvider,
    ProviderName,
    SmsProvider,
)


class ChannelSettings(Protocol):
    """The settings that providers read, by their names in `infra.settings.Settings`."""

    @property
    def email(self) -> EmailProvider:
        """The provider of e-mail."""

    @property
    def sms(self) -> SmsProvider:
        """The provider of text messages."""

    @property
    def providers_set_up(self) -> Collection[str]:
        """The providers whose settings are made."""

    @property
    def smtp_url(self) -> str | None:
        """The SMTP server; see `channels.email.smtp.server`."""

    @property
    def smtp_connections(self) -> int:
        """Connections to the SMTP server at the same time."""

    @property
    def ses_configuration_set(self) -> str | None:
        """The configuration set that publishes the events of SES."""

    @property
    def ses_feedback_address(self) -> str | None:
        """Where SES forwards bounces and complaints."""

    @property
    def sms_from(self) -> str | None:
        """The sender of text messages: a number, a sender id or a pool."""

    @property
    def sms_configuration_set(self) -> str | None:
        """The configuration set that publishes the events of End User Messaging."""

    @property
    def sms_protect_configuration(self) -> str | None:
        """The protect configuration of End User Messaging."""

    @property
    def sms_country_parameters(self) -> Mapping[str, str]:
        """Registrations that a country asks for; see `end_user_messaging.send`."""

    @property
    def sms_max_price(self) -> str | None:
        """The most US dollars of a text message."""

    @property
    def sms_time_to_live(self) -> int | None:
        """Seconds in which a text message is handed on."""

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
    return SmtpAdapter(
        SmtpServer.parse(settings.smtp_url),
        connections=settings.smtp_connections,
    )


def _ses(settings: ChannelSettings, _inbox: Append | None) -> Adapter:
    if not settings.aws_region:
        raise ValueError("e-mail by SES needs AWS_REGION, such as eu-west-1")
    return SesAdapter(
        region=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        configuration_set=settings.ses_configuration_set,
        feedback_address=settings.ses_feedback_address,
    )


def _sns(settings: ChannelSettings, _inbox: Append | None) -> Adapter:
    if not settings.aws_region:
        return UnsetAdapter("sms", "SMS go by SNS, and AWS_REGION is not set")
    if settings.sms_from is not None and not SENDER.fullmatch(settings.sms_from):
        raise ValueError(
            "PARCOURS_SMS_FROM for SNS is a number such as +15550100, or a sender id of 1 to 11 "
            "letters and digits with a letter in it"
        )
    return SnsAdapter(
        region=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        origination=settings.sms_from,
        max_price=settings.sms_max_price,
        country_parameters=settings.sms_country_parameters,
    )


def _end_user_messaging(settings: ChannelSettings, _inbox: Append | None) -> Adapter:
    if not settings.aws_region:
        return UnsetAdapter("sms", "SMS go by End User Messaging, and AWS_REGION is not set")
    return EndUserMessagingAdapter(
        region=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        origination=settings.sms_from,
        configuration_set=settings.sms_configuration_set,
        protect_configuration=settings.sms_protect_configuration,
        country_parameters=settings.sms_country_parameters,
        max_price=settings.sms_max_price,
        time_to_live=settings.sms_time_to_live,
    )


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


PROVIDERS: Final[Mapping[ChannelName, Mapping[ProviderName, Provider]]] = {
    "email": {"smtp": _smtp, "ses": _ses},
    "sms": {"sns": _sns, "end-user-messaging": _end_user_messaging, "inbox": _sms_inbox},
    "webhook": {"http": _http},
}


@dataclass(frozen=True, slots=True)
class Adapters:
    """The adapters of one process, to be closed by the caller."""

    by_channel: Mapping[str, Adapter]
    """Those of the providers that the settings choose."""
    by_provider: Mapping[str, Adapter]
    """Those of all providers that a document may name."""
    chosen: Mapping[str, str]
    """The provider of each channel that the settings choose."""

    def all(self) -> list[Adapter]:
        """Every adapter once."""
        each = [*self.by_channel.values(), *self.by_provider.values()]
        return list({id(adapter): adapter for adapter in each}.values())


def build(settings: ChannelSettings, *, inbox: Append | None = None) -> Adapters:
    """An adapter for every provider.

    A webhook without a secret, an SMS without a region, and a provider whose settings are not made
    are `NotTaken`: an installation may do without them. In development the chosen provider of a
    channel stands for all, so that nothing leaves the machine. Raises ValueError that names the
    setting which is missing or wrong.
    """
    chosen: dict[ChannelName, ProviderName] = {
        "email": settings.email,
        "sms": settings.sms,
        "webhook": "http",
    }
    by_channel: dict[str, Adapter] = {
        channel: PROVIDERS[channel][name](settings, inbox) for channel, name in chosen.items()
    }
    by_provider: dict[str, Adapter] = {}
    for channel, names in NAMED_PROVIDERS.items():
        for name in names:
            if name == chosen[channel] or inbox is not None:
                by_provider[name] = by_channel[channel]
            elif name in settings.providers_set_up:
                by_provider[name] = PROVIDERS[channel][name](settings, inbox)
            else:
                by_provider[name] = UnsetAdapter(
                    channel, f"the provider {name} is not set up; see docs/settings.md"
                )
    return Adapters(
        by_channel, by_provider, {str(channel): name for channel, name in chosen.items()}
    )
