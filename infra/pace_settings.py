"""Settings of the pace of sends."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from journeys.protocol.channels import CHANNELS, ChannelName

Rate = Annotated[float, Field(ge=0.1, le=100_000, allow_inf_nan=False)]


class PaceSettings(BaseSettings):
    """The part of the settings that is about the pace of sends."""

    send_rate_email: Rate | None = None
    """`PARCOURS_SEND_RATE_EMAIL`: e-mails per second of all workers together, at most."""

    send_rate_sms: Rate | None = None
    """`PARCOURS_SEND_RATE_SMS`: text messages per second of all workers together."""

    send_rate_webhook: Rate | None = None
    """`PARCOURS_SEND_RATE_WEBHOOK`: calls of webhooks per second of all workers together."""

    @property
    def send_rates(self) -> dict[ChannelName, float]:
        """The messages per second of each channel that has a rate."""
        rates = {channel: getattr(self, f"send_rate_{channel}") for channel in CHANNELS}
        return {channel: rate for channel, rate in rates.items() if rate is not None}
