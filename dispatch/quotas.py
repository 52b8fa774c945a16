"""The quota of a provider's account, followed where the settings say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Final

import structlog

from channels.adapter import Adapter, HasQuota, Quota
from channels.errors import NotSent
from dispatch.send_rates import SendRates
from journeys.protocol.channels import ChannelName
from journeys.schedule.ceilings import DailyCeiling

log = structlog.get_logger(__name__)

_EVERY: Final = 3600.0
_AGAIN: Final = 300.0
"""Seconds between two looks, and after one that failed."""


class FollowedQuota:
    """Makes the rate and the daily ceiling of a channel those of the account that sends it."""

    def __init__(
        self,
        adapter: Adapter | None,
        rates: SendRates,
        ceilings: MutableMapping[ChannelName, DailyCeiling],
    ) -> None:
        """What `rates` and `ceilings` say of the channel already counts more than the account."""
        self._adapter = adapter
        self._rates = rates
        self._ceilings = ceilings

    async def run(self) -> None:
        """Look at the account now and then. Ends at once if the provider has no quota."""
        adapter = self._adapter
        if adapter is None or not isinstance(adapter, HasQuota):
            return
        own_rate = self._rates.has_rate(adapter.channel)
        given = self._ceilings.get(adapter.channel, DailyCeiling())
        if own_rate and given.most is not None:
            return
        known: Quota | None = None
        while True:
            try:
                quota = await adapter.quota()
            except NotSent as error:
                log.warning("quota_unknown", channel=adapter.channel, code=str(error.code))
                await asyncio.sleep(_AGAIN)
                continue
            if quota != known:
                known = quota
                log.info("quota_read", rate=quota.per_second, most=quota.per_day)
                if not own_rate:
                    self._rates.change(adapter.channel, quota.per_second)
                if given.most is None and quota.per_day is not None:
                    self._ceilings[adapter.channel] = DailyCeiling(quota.per_day, given.warm_up)
            await asyncio.sleep(_EVERY)
