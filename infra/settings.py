"""Settings of every process, read from the environment."""

import os
import re
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from infra.inbound_settings import InboundSettings
from journeys.links.message_urls import MessageLinks
from journeys.links.networks import SCANNERS
from journeys.links.tokens import LinkKeys
from journeys.model.attachments import split_url
from journeys.protocol.channels import NAMED_PROVIDERS, EmailProvider, SmsProvider
from journeys.time.durations import Duration


def _check_duration(text: str) -> str:
    """The text, if it is a duration of a day at least, such as `90d` or `2y`."""
    duration = Duration.parse(text)
    if duration.add_to(_BASE, UTC_ZONE) < _BASE + timedelta(days=1):
        raise ValueError(f"{text} is less than a day")
    return text


DurationText = Annotated[str, AfterValidator(_check_duration)]
"""A duration, such as `90d`."""
Network = IPv4Network | IPv6Network
LogFormat = Literal["json", "console", "auto"]

_BASE = datetime(2000, 1, 1, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
_SHORTEST_KEY = 32
_AWS_PROVIDERS = frozenset({"ses", "sns", "end-user-messaging"})
_COUNTRY_PARAMETERS = frozenset({"IN_ENTITY_ID", "IN_TEMPLATE_ID"})
_PARAMETER = re.compile(r"\S{1,64}")
_LONGEST_PUBLIC_URL = 200
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f<>\"'`\\{}|^]")
SECRET_PREFIX = "PARCOURS_SECRET_"
TEMPORAL_PREFIX = "TEMPORAL_"


class SettingsRefused(Exception):
    """The environment does not make valid settings; the message has one line a setting."""


class Settings(InboundSettings):
    """The settings of a process, from its environment.

    Names that the ecosystem knows are kept (`DATABASE_URL`, `TEMPORAL_…`, `AWS_…`, `SMTP_URL`);
    ours begin with `PARCOURS_`. An empty variable counts as absent. In Python the fields are
    given by their own names: `Settings(database_url="postgresql://…")`.
    """

    model_config = SettingsConfigDict(
        env_prefix="PARCOURS_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )

    database_url: str = Field(validation_alias="DATABASE_URL", repr=False)
    """`postgresql://…`, as libpq reads it."""

    temporal: dict[str, str] = Field(default_factory=dict, repr=False)
    """Every `TEMPORAL_…` variable, for `temporalio.envconfig` to make sense of."""

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

    webhook_secret: SecretStr | None = None
    """`PARCOURS_WEBHOOK_SECRET`: the key of the signature on webhooks."""

    suppression_key: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """`PARCOURS_SUPPRESSION_KEY`: keys under which suppressed addresses are hashed, `NEW,OLD…`."""

    consent_address: Literal["keep", "hash", "drop"] = "hash"
    """`PARCOURS_CONSENT_ADDRESS`: what a record of consent keeps of the request's address."""

    public_url: str | None = None
    """`PARCOURS_PUBLIC_URL`: where readers reach links and pages, `https://host`."""

    link_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """`PARCOURS_LINK_KEYS`: keys that sign links, `NEW,OLD…`; the old ones still verify."""

    spool: Path = Path(".parcours/spool")
    """`PARCOURS_SPOOL`: the directory of requests for links that are not in the database yet."""

    spool_bytes: int = Field(default=256 * 1024 * 1024, ge=1024 * 1024)
    """`PARCOURS_SPOOL_BYTES`: bytes of that directory; what comes beyond them is dropped."""

    scanners: Path = SCANNERS
    """`PARCOURS_SCANNERS`: the file of networks whose requests for links are a machine's."""

    webhook_allow: Annotated[tuple[Network, ...], NoDecode] = ()
    """`PARCOURS_WEBHOOK_ALLOW`: private networks that webhooks may reach, `CIDR,CIDR…`."""

    attachments_from: Annotated[tuple[str, ...], NoDecode] = ()
    """`PARCOURS_ATTACHMENTS_FROM`: URLs under which attachments may be fetched, `URL,URL…`."""

    contact_events_per_minute: int = Field(default=6000, gt=0)
    """`PARCOURS_CONTACT_EVENTS_PER_MINUTE`: beyond it, ingest answers 429 for that contact."""

    http_header_seconds: float = Field(default=10.0, gt=0, le=300)
    """`PARCOURS_HTTP_HEADER_SECONDS`: the time for the head of a request."""

    http_body_seconds: float = Field(default=15.0, gt=0, le=600)
    """`PARCOURS_HTTP_BODY_SECONDS`: the time for a body; a large one has longer."""

    http_unfinished: int = Field(default=2000, gt=0)
    """`PARCOURS_HTTP_UNFINISHED`: connections whose request is not there yet."""

    http_body_memory: int = Field(default=64 * 1024 * 1024, ge=1024 * 1024)
    """`PARCOURS_HTTP_BODY_MEMORY`: bytes of the bodies of all unfinished requests."""

    database_connections: int = Field(default=20, ge=4, le=1000)
    """`PARCOURS_DATABASE_CONNECTIONS`: of each process, at most."""

    slots_activities: int = Field(default=100, ge=1, le=10_000)
    """`PARCOURS_SLOTS_ACTIVITIES`: activities of a worker at the same time, local ones apart."""

    slots_sends: int = Field(default=100, ge=1, le=10_000)
    """`PARCOURS_SLOTS_SENDS`: sends of a worker at the same time, of each channel."""

    slots_workflows: int = Field(default=1_000, ge=1, le=1_000_000)
    """`PARCOURS_SLOTS_WORKFLOWS`: runs that a worker keeps in memory."""

    keep_runs: DurationText = Field(default="2y", validation_alias="PARCOURS_KEEP_VISITS")
    """`PARCOURS_KEEP_VISITS`: ended runs with their visits and messages, since their end."""

    keep_events: DurationText = "2y"
    """`PARCOURS_KEEP_EVENTS`: events, since their recording."""

    keep_receipts: DurationText = "30d"
    """`PARCOURS_KEEP_RECEIPTS`: message ids of calls that are no events."""

    keep_refusals: DurationText = "90d"
    """`PARCOURS_KEEP_REFUSALS`: refused entries."""

    keep_faults: DurationText = "90d"
    """`PARCOURS_KEEP_FAULTS`: details of faults."""

    keep_dead_events: DurationText = "90d"
    """`PARCOURS_KEEP_DEAD_EVENTS`: events whose dispatch was given up."""

    keep_start_requests: DurationText = "90d"
    """`PARCOURS_KEEP_START_REQUESTS`: idempotency keys of starts, with their answers."""

    keep_rejected: DurationText = "14d"
    """`PARCOURS_KEEP_REJECTED`: rejected items of tracking calls."""

    keep_hits: DurationText = "14d"
    """`PARCOURS_KEEP_HITS`: requests for links, of which clicks and opens became events."""

    keep_content: DurationText = "30d"
    """`PARCOURS_KEEP_CONTENT`: what each message said. `0s` keeps nothing of it."""

    metrics_port: int | None = Field(default=None, ge=0, le=65_535)
    """`PARCOURS_METRICS_PORT`: a worker's port of `/healthz`, `/readyz` and `/metrics`."""

    metrics_host: str = "127.0.0.1"
    """`PARCOURS_METRICS_HOST`: the address of that port; `0.0.0.0` in a container."""

    secrets: dict[str, SecretStr] = Field(default_factory=dict)
    """`PARCOURS_SECRET_NAME` → `{"NAME": …}`: what `{{ secret.NAME }}` reads in webhooks."""

    log: LogFormat = "auto"
    """`PARCOURS_LOG`: `auto` is readable on a terminal and JSON elsewhere."""

    speed: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """`PARCOURS_SPEED`: what durations of waits are divided by; the development stack sets it."""

    dev_inbox: Path | None = None
    """`PARCOURS_DEV_INBOX`: the file of the development stack's sinks; no other stack has one."""

    @model_validator(mode="before")
    @classmethod
    def _collect_families(cls, given: object) -> object:
        """Gather the variables whose names are open: secrets, and Temporal's own."""
        if not isinstance(given, dict):
            return given
        if "secrets" not in given:
            given["secrets"] = {
                name.removeprefix(SECRET_PREFIX): value
                for name, value in os.environ.items()
                if name.startswith(SECRET_PREFIX) and name != SECRET_PREFIX
            }
        if "temporal" not in given:
            given["temporal"] = {
                name: value
                for name, value in os.environ.items()
                if name.startswith(TEMPORAL_PREFIX) and value
            }
        return given

    @field_validator("webhook_allow", mode="before")
    @classmethod
    def _split_networks(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
        return value

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

    @field_validator("suppression_key", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        value = _split_secrets(value)
        if isinstance(value, tuple):
            for key in value:
                if len(key.get_secret_value()) < _SHORTEST_KEY:
                    raise ValueError(f"a key has at least {_SHORTEST_KEY} characters")
        return value

    @field_validator("link_keys", mode="before")
    @classmethod
    def _split_link_keys(cls, value: object) -> object:
        value = _split_secrets(value)
        if isinstance(value, tuple) and value:
            LinkKeys([key.get_secret_value() for key in value])
        return value

    @field_validator("public_url")
    @classmethod
    def _require_public_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        value = value.strip().rstrip("/")
        parts = urlsplit(value)
        wrong = parts.query or parts.fragment or "@" in parts.netloc or not value.isascii()
        if parts.scheme not in ("http", "https") or not parts.hostname or wrong:
            raise ValueError("must be https://host, with a path or without")
        if len(value) > _LONGEST_PUBLIC_URL or _NOT_IN_URLS.search(value):
            raise ValueError(f"must be a URL of at most {_LONGEST_PUBLIC_URL} characters")
        return value

    @field_validator("database_url")
    @classmethod
    def _require_postgres(cls, value: str) -> str:
        if not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must be a PostgreSQL URL: postgresql://user:password@host:5432/name")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _require_smtp(cls, value: str) -> str:
        if not value.startswith(("smtp://", "smtps://")):
            raise ValueError("must be smtp://host:port or smtps://host:port")
        return value

    @model_validator(mode="after")
    def _keep_the_inbox_in_development(self) -> "Settings":
        for channel, others in _inbox_channels().items():
            if getattr(self, channel) == "inbox" and self.dev_inbox is None:
                raise ValueError(
                    f"PARCOURS_{channel.upper()}=inbox is for `parcours dev` alone;"
                    f" use {' or '.join(others)}"
                )
        return self

    @model_validator(mode="after")
    def _require_both_of_links(self) -> "Settings":
        if (self.public_url is None) != (not self.link_keys):
            raise ValueError("PARCOURS_PUBLIC_URL and PARCOURS_LINK_KEYS go together: set both")
        return self

    @model_validator(mode="after")
    def _require_keys_of_addresses(self) -> "Settings":
        if self.inbound_domain is not None and not self.link_keys:
            raise ValueError(
                "PARCOURS_INBOUND_DOMAIN needs PARCOURS_LINK_KEYS, which sign addresses"
            )
        return self

    @property
    def channels_with_replies(self) -> frozenset[str]:
        """The channels on which a reply to a message can come in."""
        if self.dev_inbox is not None:
            # A developer posts `Message Replied` by hand.
            return frozenset({"email", "sms"})
        possible = {"email": self.inbound_domain is not None, "sms": self.takes_notifications}
        return frozenset(channel for channel, comes_in in possible.items() if comes_in)

    @property
    def links(self) -> MessageLinks | None:
        """What the URLs of messages are made of; None without a public URL."""
        if self.public_url is None:
            return None
        keys = LinkKeys([key.get_secret_value() for key in self.link_keys])
        return MessageLinks(self.public_url, keys)

    @property
    def keep(self) -> dict[str, str]:
        """How long data are kept, by kind."""
        return {
            name.removeprefix("keep_"): getattr(self, name)
            for name in type(self).model_fields
            if name.startswith("keep_")
        }

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

    @property
    def passwords(self) -> list[str]:
        """The secrets by which this installation calls others, besides those of `secrets`."""
        found = [unquote(password) for password in [urlsplit(self.smtp_url).password] if password]
        if self.webhook_secret is not None:
            found.append(self.webhook_secret.get_secret_value())
        found += [key.get_secret_value() for key in self.link_keys]
        return found

    @property
    def temporal_environment(self) -> dict[str, str]:
        """The `TEMPORAL_…` variables, with the address of a server on this machine by default."""
        if "TEMPORAL_CONFIG_FILE" in self.temporal or "TEMPORAL_PROFILE" in self.temporal:
            return dict(self.temporal)
        return {
            "TEMPORAL_ADDRESS": "127.0.0.1:7233",
            "TEMPORAL_NAMESPACE": "default",
            **self.temporal,
        }


def _split_secrets(value: object) -> object:
    """The secrets of `NEW,OLD…`."""
    if isinstance(value, str):
        return tuple(SecretStr(part.strip()) for part in value.split(",") if part.strip())
    return value


def _inbox_channels() -> dict[str, list[str]]:
    """The channels whose messages the inbox can keep, each with its other providers."""
    return {
        name: [provider for provider in get_args(field.annotation) if provider != "inbox"]
        for name, field in Settings.model_fields.items()
        if "inbox" in get_args(field.annotation)
    }


def inbox_variables() -> dict[str, str]:
    """The variables by which a development stack keeps messages in its inbox."""
    return {f"PARCOURS_{channel.upper()}": "inbox" for channel in _inbox_channels()}


def read_settings() -> Settings:
    """Settings from the environment.

    Raises:
        SettingsRefused: a variable is missing or wrong; one line for each says which and why.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False, include_input=False):
            name = str(problem["loc"][0]) if problem["loc"] else ""
            field = Settings.model_fields.get(name)
            if field is not None and field.validation_alias is None:
                name = f"PARCOURS_{name.upper()}"
            if problem["type"] == "missing":
                lines.append(f"{name} is not set")
            else:
                message = problem["msg"].removeprefix("Value error, ")
                lines.append(f"{name}: {message}" if name else message)
        raise SettingsRefused("\n".join(lines)) from None
