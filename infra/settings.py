"""Settings of every process, read from the environment."""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from infra.channel_settings import ChannelSettings
from infra.inbound_settings import InboundSettings
from infra.link_settings import LinkSettings
from infra.operator_settings import OperatorSettings
from infra.pace_settings import PaceSettings
from infra.setting_types import DurationText, OptionalDurationText, Secrets, ZoneName

Network = IPv4Network | IPv6Network
LogFormat = Literal["json", "console", "auto"]

_SHORTEST_KEY = 32
SECRET_PREFIX = "PARCOURS_SECRET_"
TEMPORAL_PREFIX = "TEMPORAL_"


class SettingsRefused(Exception):
    """The environment does not make valid settings; the message has one line a setting."""


class Settings(ChannelSettings, LinkSettings, PaceSettings, InboundSettings, OperatorSettings):
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

    webhook_secret: SecretStr | None = None
    """`PARCOURS_WEBHOOK_SECRET`: the key of the signature on webhooks."""

    suppression_key: Secrets = ()
    """`PARCOURS_SUPPRESSION_KEY`: keys under which suppressed addresses are hashed, `NEW,OLD…`."""

    consent_address: Literal["keep", "hash", "drop"] = "hash"
    """`PARCOURS_CONSENT_ADDRESS`: what a record of consent keeps of the request's address."""

    webhook_allow: Annotated[tuple[Network, ...], NoDecode] = ()
    """`PARCOURS_WEBHOOK_ALLOW`: private networks that webhooks may reach, `CIDR,CIDR…`."""

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

    keep_content: OptionalDurationText = "30d"
    """`PARCOURS_KEEP_CONTENT`: what each message said. `0d` keeps nothing of it."""

    keep_imports: DurationText = "30d"
    """`PARCOURS_KEEP_IMPORTS`: refused lines of imports, and what undoing one needs."""

    keep_job_entries: DurationText = "90d"
    """`PARCOURS_KEEP_JOB_ENTRIES`: which contacts an ended job has worked on."""

    keep_positions: DurationText = "7d"
    """`PARCOURS_KEEP_POSITIONS`: which place a contact is near, after its latest position."""

    keep_segment_changes: DurationText = "2y"
    """`PARCOURS_KEEP_SEGMENT_CHANGES`: who entered and left segments."""

    keep_exports: DurationText = "7d"
    """`PARCOURS_KEEP_EXPORTS`: files of exports."""

    keep_jobs: DurationText = "1y"
    """`PARCOURS_KEEP_JOBS`: jobs that have ended."""

    keep_erasures: DurationText = "3y"
    """`PARCOURS_KEEP_ERASURES`: reports of erasures, which name no person."""

    keep_test_messages: DurationText = "30d"
    """`PARCOURS_KEEP_TEST_MESSAGES`: messages that were sent to look at a template."""

    keep_contents: DurationText = "1y"
    """`PARCOURS_KEEP_CONTENTS`: compiled contents that no template and no version has any more."""

    keep_freezes: DurationText = "2y"
    """`PARCOURS_KEEP_FREEZES`: freezes of marketing that have ended."""

    keep_daily_counts: DurationText = "90d"
    """`PARCOURS_KEEP_DAILY_COUNTS`: counts of messages by day, for the daily ceilings."""

    keep_zone_changes: DurationText = "30d"
    """`PARCOURS_KEEP_ZONE_CHANGES`: which contacts changed their time zone lately."""

    keep_places: DurationText = "90d"
    """`PARCOURS_KEEP_PLACES`: near which place a contact was last."""

    keep_figures: DurationText = "90d"
    """`PARCOURS_KEEP_FIGURES`: counters of each quarter of an hour; days and totals stay."""

    keep_targeted: DurationText = "40d"
    """`PARCOURS_KEEP_TARGETED`: who was sent a message on a day; how many they were stays."""

    timezone: ZoneName = "UTC"
    """`PARCOURS_TIMEZONE`: the time zone in which the days of figures begin."""

    approval_above: int | None = Field(default=None, ge=0)
    """`PARCOURS_APPROVAL_ABOVE`: a repair of more runs waits until another key approves it."""

    keep_audit: DurationText = "10y"
    """`PARCOURS_KEEP_AUDIT`: the audit log, which holds no value of a contact."""

    keep_audit_of_contacts: DurationText = "2y"
    """`PARCOURS_KEEP_AUDIT_OF_CONTACTS`: in it, changes of contacts and starts of runs."""

    keep_sessions: DurationText = "7d"
    """`PARCOURS_KEEP_SESSIONS`: sessions of the console, which end after 7 days at most."""

    keep_drafts: DurationText = "1y"
    """`PARCOURS_KEEP_DRAFTS`: working copies of documents in the console, since they were saved."""

    keep_holdouts: DurationText = "2y"
    """`PARCOURS_KEEP_HOLDOUTS`: whom journeys let in and whom holdouts kept out, for comparison."""

    import_limit: int = Field(default=1024 * 1024 * 1024, ge=1024)
    """`PARCOURS_IMPORT_LIMIT`: bytes of a file that is imported, unpacked."""

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

    @field_validator("suppression_key")
    @classmethod
    def _require_long_keys(cls, value: Secrets) -> Secrets:
        for key in value:
            if len(key.get_secret_value()) < _SHORTEST_KEY:
                raise ValueError(f"a key has at least {_SHORTEST_KEY} characters")
        return value

    @field_validator("database_url")
    @classmethod
    def _require_postgres(cls, value: str) -> str:
        if not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must be a PostgreSQL URL: postgresql://user:password@host:5432/name")
        return value

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
    def keep(self) -> dict[str, str]:
        """How long data are kept, by kind."""
        return {
            name.removeprefix("keep_"): getattr(self, name)
            for name in type(self).model_fields
            if name.startswith("keep_")
        }

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
