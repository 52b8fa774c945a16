"""Settings of channels: the providers of e-mail and text messages, and what they need to know."""

import re
from pathlib import Path
from typing import Annotated, Self, get_args

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from journeys.model.attachments import split_url
from journeys.protocol.channels import NAMED_PROVIDERS, EmailProvider, SmsProvider

_AWS_PROVIDERS = frozenset({"ses", "sns", "end-user-messaging"})
_COUNTRY_PARAMETERS = frozenset({"IN_ENTITY_ID", "IN_TEMPLATE_ID"})
_PARAMETER = re.compile(r"\S{1,64}")


class ChannelSettings(BaseSettings):
    """The part of the settings that is about channels and their providers."""

    aws_region: str = Field(default="us-east-1", validation_alias="AWS_REGION")
    aws_endpoint_url: str | None = Field(default=None, validation_alias="AWS_ENDPOINT_URL")

    smtp_url: str = Field(default="smtp://localhost:25", validation_alias="SMTP_URL", repr=False)
    """`smtp://` or `smtps://`, `user:password@` where the server asks for it."""

    email: EmailProvider = "smtp"
    """`PARCOURS_EMAIL`: who takes e-mail."""

    sms: SmsProvider = "sns"
    """`PARCOURS_SMS`: who takes text messages; `inbox` is the development stack's file."""

    smtp_connections: int = Field(default=20, ge=1, le=1000)
    """`PARCOURS_SMTP_CONNECTIONS`: connections of a worker to the SMTP server, at most."""

    ses_configuration_set: str | None = None
    """`PARCOURS_SES_CONFIGURATION_SET`: the one that publishes the events of SES."""

    ses_feedback_address: str | None = None
    """`PARCOURS_SES_FEEDBACK_ADDRESS`: SES forwards bounces and complaints to it."""

    sms_from: str | None = Field(default=None, max_length=256, pattern=r"^[A-Za-z0-9_:/+-]+$")
    """`PARCOURS_SMS_FROM`: a number, a sender id or a pool, from which text messages come."""

    sms_configuration_set: str | None = None
    """`PARCOURS_SMS_CONFIGURATION_SET`: the one that publishes events of End User Messaging."""

    sms_protect_configuration: str | None = None
    """`PARCOURS_SMS_PROTECT_CONFIGURATION`: the countries that End User Messaging sends to."""

    sms_country_parameters: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    """`PARCOURS_SMS_COUNTRY_PARAMETERS`: registrations of a country, `NAME=VALUE,…`."""

    sms_max_price: str | None = Field(default=None, pattern=r"^\d{0,2}\.\d{1,5}$")
    """`PARCOURS_SMS_MAX_PRICE`: the most US dollars of a text message, such as `0.25`."""

    sms_time_to_live: int | None = Field(default=None, ge=5, le=259_200)
    """`PARCOURS_SMS_TIME_TO_LIVE`: seconds in which a text message is handed on, or never."""

    from_address: str | None = Field(default=None, validation_alias="PARCOURS_FROM")
    """`PARCOURS_FROM`: the sender of e-mails that name none, `a@b.c` or `Name <a@b.c>`."""

    attachments_from: Annotated[tuple[str, ...], NoDecode] = ()
    """`PARCOURS_ATTACHMENTS_FROM`: URLs under which attachments may be fetched, `URL,URL…`."""

    dev_inbox: Path | None = None
    """`PARCOURS_DEV_INBOX`: the file of the development stack's sinks; no other stack has one."""

    dev_shop_key: SecretStr | None = None
    """`PARCOURS_DEV_SHOP_KEY`: the key of the development stack's shop, which it serves then."""

    dev_console_key: SecretStr | None = None
    """`PARCOURS_DEV_CONSOLE_KEY`: the key by which that stack's console signs in by itself."""

    dev_temporal_ui: str = ""
    """`PARCOURS_DEV_TEMPORAL_UI`: where that stack's Temporal shows its pages."""

    @field_validator("attachments_from", mode="before")
    @classmethod
    def _split_urls(cls, value: object) -> object:
        if isinstance(value, str):
            value = tuple(part.strip() for part in value.split(",") if part.strip())
        for url in value if isinstance(value, tuple | list) else ():
            parts = split_url(str(url))
            if parts is None or parts.query:
                raise ValueError(
                    f"{url} is no URL of a folder, such as https://cdn.example.com/mail/"
                )
        return value

    @field_validator("sms_country_parameters", mode="before")
    @classmethod
    def _split_parameters(cls, value: object) -> object:
        if isinstance(value, str):
            pairs = [part.partition("=") for part in value.split(",") if part.strip()]
            value = {name.strip(): text.strip() for name, _, text in pairs}
        if isinstance(value, dict):
            for name, text in value.items():
                if name not in _COUNTRY_PARAMETERS or not _PARAMETER.fullmatch(str(text)):
                    raise ValueError(
                        f"write NAME=VALUE with {' or '.join(sorted(_COUNTRY_PARAMETERS))}, and a "
                        "value of 1 to 64 characters without spaces"
                    )
        return value

    @field_validator("smtp_url")
    @classmethod
    def _require_smtp(cls, value: str) -> str:
        if not value.startswith(("smtp://", "smtps://")):
            raise ValueError("must be smtp://host:port or smtps://host:port")
        return value

    @model_validator(mode="after")
    def _keep_the_inbox_in_development(self) -> Self:
        for channel, others in _inbox_channels().items():
            if getattr(self, channel) == "inbox" and self.dev_inbox is None:
                raise ValueError(
                    f"PARCOURS_{channel.upper()}=inbox is for `parcours dev` alone;"
                    f" use {' or '.join(others)}"
                )
        return self

    @property
    def providers_set_up(self) -> frozenset[str]:
        """The providers whose settings are made: those chosen, and those that documents may name.

        A region makes those of AWS. In development the stack's own provider stands for all.
        """
        if self.dev_inbox is not None:
            return frozenset(name for names in NAMED_PROVIDERS.values() for name in names)
        found: set[str] = {self.email, self.sms}
        if "smtp_url" in self.model_fields_set:
            found.add("smtp")
        if "aws_region" in self.model_fields_set:
            found |= _AWS_PROVIDERS
        return frozenset(found)


def _inbox_channels() -> dict[str, list[str]]:
    """The channels whose messages the inbox can keep, each with its other providers."""
    return {
        name: [provider for provider in get_args(field.annotation) if provider != "inbox"]
        for name, field in ChannelSettings.model_fields.items()
        if "inbox" in get_args(field.annotation)
    }


def inbox_variables() -> dict[str, str]:
    """The variables by which a development stack keeps messages in its inbox."""
    return {f"PARCOURS_{channel.upper()}": "inbox" for channel in _inbox_channels()}
