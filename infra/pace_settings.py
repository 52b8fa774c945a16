"""Settings of the pace of sends."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from journeys.protocol.channels import CHANNELS, NAMED_PROVIDERS, ChannelName
from journeys.schedule.ceilings import DailyCeiling, WarmUp

Rate = Annotated[float, Field(ge=0.1, le=100_000, allow_inf_nan=False)]
Ceiling = Annotated[int, Field(ge=10, le=1_000_000_000)]


def _ramp(text: str) -> str:
    WarmUp.parse(text)
    return text


class PaceSettings(BaseSettings):
    """The part of the settings that is about the pace of sends."""

    send_rate_email: Rate | None = None
    """`PARCOURS_SEND_RATE_EMAIL`: e-mails per second of all workers together, at most."""

    send_rate_sms: Rate | None = None
    """`PARCOURS_SEND_RATE_SMS`: text messages per second of all workers together."""

    send_rate_webhook: Rate | None = None
    """`PARCOURS_SEND_RATE_WEBHOOK`: calls of webhooks per second of all workers together."""

    send_rate_smtp: Rate | None = None
    """`PARCOURS_SEND_RATE_SMTP`: e-mails per second that the SMTP server gets, at most."""

    send_rate_ses: Rate | None = None
    """`PARCOURS_SEND_RATE_SES`: e-mails per second that SES gets."""

    send_rate_sns: Rate | None = None
    """`PARCOURS_SEND_RATE_SNS`: text messages per second that SNS gets."""

    send_rate_end_user_messaging: Rate | None = None
    """`PARCOURS_SEND_RATE_END_USER_MESSAGING`: text messages per second that it gets."""

    send_ceiling_email: Ceiling | None = None
    """`PARCOURS_SEND_CEILING_EMAIL`: e-mails on a day in UTC, at which marketing is held."""

    send_ceiling_sms: Ceiling | None = None
    """`PARCOURS_SEND_CEILING_SMS`: text messages on a day."""

    warm_up_email: Annotated[str, AfterValidator(_ramp)] | None = None
    """`PARCOURS_WARM_UP_EMAIL`: `2026-03-01, 50, 1.5`, the ramp of a new domain."""

    @property
    def ceilings(self) -> dict[ChannelName, DailyCeiling]:
        """The daily ceiling of each channel that has one."""
        ramp = None if self.warm_up_email is None else WarmUp.parse(self.warm_up_email)
        found: dict[ChannelName, DailyCeiling] = {
            "email": DailyCeiling(self.send_ceiling_email, ramp),
            "sms": DailyCeiling(self.send_ceiling_sms),
        }
        return {name: each for name, each in found.items() if each != DailyCeiling()}

    @property
    def send_rates(self) -> dict[ChannelName, float]:
        """The messages per second of each channel that has a rate."""
        rates = {channel: getattr(self, f"send_rate_{channel}") for channel in CHANNELS}
        return {channel: rate for channel, rate in rates.items() if rate is not None}

    @property
    def provider_rates(self) -> dict[str, float]:
        """The calls per second of each provider that has a rate."""
        names = [name for providers in NAMED_PROVIDERS.values() for name in providers]
        rates = {name: getattr(self, f"send_rate_{name.replace('-', '_')}") for name in names}
        return {name: rate for name, rate in rates.items() if rate is not None}
