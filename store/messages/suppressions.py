"""Suppressions: addresses never to write to again."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final, get_args

from journeys.model.reasons import SuppressionReason
from store.sql import Connection, execute, fetch_value, sql

_WEIGHTS: Final[dict[str, int]] = {
    reason: weight for weight, reason in enumerate(get_args(SuppressionReason))
}
Suppression = tuple[str, str, str]
"""Channel, address in clear, reason."""

# An address that was suppressed keeps its reason, unless the new one is a weightier event.
_ADD = sql("""
with given as (
    select g.channel, hashes, g.reason
    from unnest(%(channels)s::text[], %(digests)s::text[], %(reasons)s::text[])
        as g(channel, digest, reason)
    cross join parcours.suppression_hashes(g.digest) hashes
), weightier as (
    update suppression s set reason = g.reason from given g
    where s.channel = g.channel and s.address_hash = any(g.hashes)
      and (s.reason = 'soft_bounced' and g.reason <> 'soft_bounced'
           or s.reason = 'bounced' and g.reason = 'complained'
           or g.reason = 'stop')
)
insert into suppression (channel, address_hash, reason)
select g.channel, g.hashes[1], g.reason from given g
where not exists (
    select from suppression s where s.channel = g.channel and s.address_hash = any(g.hashes)
)
on conflict (channel, address_hash) do nothing
""")
_LIFT = sql("""
delete from suppression s
using unnest(%(channels)s::text[], %(digests)s::text[]) as g(channel, digest)
cross join parcours.suppression_hashes(g.digest) hashes
where s.channel = g.channel and s.address_hash = any(hashes) and s.reason = %(reason)s
""")
_FIND = sql("""
select s.reason from suppression s
where s.channel = %(channel)s
  and s.address_hash = any((select parcours.suppression_hashes(%(digest)s))::text[])
limit 1
""")


def digest_of(address: str) -> str:
    """The SHA-256 of an address, in hexadecimal, of which PostgreSQL keeps an HMAC.

    The digest of a telephone number could be found by trying all numbers; the HMAC cannot, because
    its key belongs to the installation (`PARCOURS_SUPPRESSION_KEY`).

    Case is folded. Nearly everywhere, mailboxes that differ only by case are one mailbox; where
    they are not, one message too few is sent rather than one to an address that refused it.
    """
    return sha256(address.strip().casefold().encode()).hexdigest()


async def suppress(conn: Connection, suppressions: Iterable[Suppression]) -> None:
    """Suppress addresses on their channels.

    An address that was suppressed keeps its reason, unless it bounced softly and the new reason is
    another, or it bounced and its owner complains. STOP stands above all: only START ends it.
    """
    weightiest: dict[tuple[str, str], str] = {}
    for channel, address, why in suppressions:
        key = channel, digest_of(address)
        weightiest[key] = max(weightiest.get(key, why), why, key=_weight)
    rows = [(channel, digest, why) for (channel, digest), why in sorted(weightiest.items())]
    if not rows:
        return
    await execute(
        conn,
        _ADD,
        {
            "channels": [channel for channel, _, _ in rows],
            "digests": [digest for _, digest, _ in rows],
            "reasons": [reason for _, _, reason in rows],
        },
    )


async def lift(conn: Connection, addresses: Iterable[tuple[str, str]], reason: str) -> None:
    """End the suppression of addresses, each with its channel, that have this reason."""
    rows = [(channel, digest_of(address)) for channel, address in addresses]
    if rows:
        channels, digests = zip(*rows, strict=True)
        wanted = {"channels": list(channels), "digests": list(digests), "reason": reason}
        await execute(conn, _LIFT, wanted)


def _weight(reason: str) -> int:
    """The weight of a reason; those that are no events weigh most."""
    return _WEIGHTS.get(reason, len(_WEIGHTS))


async def find_suppression(conn: Connection, channel: str, address: str) -> str | None:
    """Why an address is suppressed on a channel; None if it is not."""
    reason: str | None = await fetch_value(
        conn, _FIND, {"channel": channel, "digest": digest_of(address)}
    )
    return reason
