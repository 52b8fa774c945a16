"""Settings of what comes back: notifications of providers, mail to us, answers to keywords."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from channels.sns_envelope import is_topic
from journeys.model.addresses import parse_email


class InboundSettings(BaseSettings):
    """The part of the settings that is about what comes back."""

    ses_queue_url: str | None = None
    """`PARCOURS_SES_QUEUE_URL`: the queue (SQS) of notifications; workers poll it."""

    sns_topics: Annotated[tuple[str, ...], NoDecode] = ()
    """`PARCOURS_SNS_TOPICS`: topics whose messages `/hooks/…` take, `ARN,ARN…`."""

    inbound_domain: str | None = None
    """`PARCOURS_INBOUND_DOMAIN`: the domain of our addresses for bounces and replies."""

    inbound_smtp: str | None = None
    """`PARCOURS_INBOUND_SMTP`: `host:port` on which the worker takes mail to that domain."""

    inbound_maildir: Path | None = None
    """`PARCOURS_INBOUND_MAILDIR`: a Maildir in which the worker finds mail to that domain."""

    sms_stop_text: str | None = Field(default=None, max_length=320)
    """`PARCOURS_SMS_STOP_TEXT`: the answer to STOP; none is sent without it."""

    sms_start_text: str | None = Field(default=None, max_length=320)
    """`PARCOURS_SMS_START_TEXT`: the answer to START; none is sent without it."""

    sms_help_text: str | None = Field(default=None, max_length=320)
    """`PARCOURS_SMS_HELP_TEXT`: the answer to HELP; none is sent without it."""

    @field_validator("sns_topics", mode="before")
    @classmethod
    def _split_topics(cls, value: object) -> object:
        if isinstance(value, str):
            value = tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, tuple):
            for topic in value:
                if not is_topic(topic):
                    raise ValueError(f"{topic!r} is not the ARN of a topic of SNS")
        return value

    @field_validator("ses_queue_url")
    @classmethod
    def _require_queue(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("must be the URL of a queue: https://sqs.REGION.amazonaws.com/…")
        return value

    @field_validator("inbound_domain")
    @classmethod
    def _require_domain(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            return parse_email(f"bounce@{value}").ascii_domain.lower()
        except ValueError:
            raise ValueError("must be a domain, such as bounces.example.com") from None

    @field_validator("inbound_smtp")
    @classmethod
    def _require_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or not 0 <= int(port) <= 65_535:
            raise ValueError("must be host:port, such as 0.0.0.0:25")
        return value

    @model_validator(mode="after")
    def _require_a_domain_for_mail(self) -> "InboundSettings":
        if self.inbound_domain is None and (self.inbound_smtp or self.inbound_maildir):
            raise ValueError(
                "PARCOURS_INBOUND_SMTP and PARCOURS_INBOUND_MAILDIR need PARCOURS_INBOUND_DOMAIN"
            )
        if self.inbound_domain is not None and not self._mail_comes_in:
            raise ValueError(
                "PARCOURS_INBOUND_DOMAIN: nothing brings mail to it; set PARCOURS_INBOUND_SMTP,"
                " PARCOURS_INBOUND_MAILDIR, PARCOURS_SNS_TOPICS or PARCOURS_SES_QUEUE_URL"
            )
        return self

    @property
    def sms_answers(self) -> dict[Literal["stop", "start", "help"], str]:
        """The answers to keywords in text messages."""
        texts: dict[Literal["stop", "start", "help"], str | None] = {
            "stop": self.sms_stop_text,
            "start": self.sms_start_text,
            "help": self.sms_help_text,
        }
        return {keyword: text for keyword, text in texts.items() if text is not None}

    @property
    def takes_notifications(self) -> bool:
        """Whether notifications of Amazon come in at all."""
        return self.ses_queue_url is not None or bool(self.sns_topics)

    @property
    def _mail_comes_in(self) -> bool:
        return (
            self.inbound_smtp is not None
            or self.inbound_maildir is not None
            or self.takes_notifications
        )
