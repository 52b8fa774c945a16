"""The one way in for records of providers, whether a queue, a route or a mailbox brings them.

A record that cannot be read, or has a fault, is set aside visibly; the others are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import structlog

from channels.email.return_addresses import ReturnAddresses
from channels.notifications import InboundText, Notification, Unreadable
from channels.sns_envelope import unwrap
from inbound.records import is_greeting, read_record
from inbound.taking import Pool, take_notifications
from inbound.text_messages import take_text
from store.operations.faults import record_fault
from store.sql import is_database_away, is_database_busy

log = structlog.get_logger(__name__)

Taken = Literal["taken", "unreadable", "failed"]
"""`unreadable`: repeating it would not help. `failed`: a fault of ours, which is recorded."""
_ACTIVITY: Final = "notifications"


class Intake:
    """Takes records of providers. `addresses` are ours, for mail; None: there are none."""

    def __init__(self, pool: Pool, addresses: ReturnAddresses | None = None) -> None:
        self.pool = pool
        self.addresses = addresses

    async def take_texts(self, bodies: Sequence[tuple[str, str]]) -> list[Taken]:
        """Take what a queue or SNS brought: a name for people, and JSON; the result of each.

        Raises what psycopg raises while the database is away. What was taken by then is recorded,
        and taking it again changes nothing.
        """
        results: list[Taken] = ["taken"] * len(bodies)
        facts: list[tuple[int, Notification]] = []
        for place, (name, body) in enumerate(bodies):
            try:
                content = self._read(body)
            except Unreadable as error:
                results[place] = "unreadable"
                await self._set_aside(name, "unreadable", str(error))
                continue
            if isinstance(content, InboundText):
                results[place] = await self._take_text(name, content)
            else:
                facts += ((place, fact) for fact in content)
        for place in await self._take_facts([(n, bodies[n][0], fact) for n, fact in facts]):
            results[place] = "failed"
        return results

    async def take_facts(self, name: str, facts: Sequence[Notification]) -> Taken:
        """Take facts that were read before, such as those of a mail. Raises as `take_texts`."""
        failed = await self._take_facts([(0, name, fact) for fact in facts])
        return "failed" if failed else "taken"

    def _read(self, body: str) -> list[Notification] | InboundText:
        if is_greeting(body):
            return []
        return read_record(unwrap(body), self.addresses)

    async def _take_facts(self, facts: Sequence[tuple[int, str, Notification]]) -> set[int]:
        """Take facts together, or one by one if that fails; the places of those that failed."""
        try:
            await take_notifications(self.pool, [fact for _, _, fact in facts])
        except Exception as error:
            if is_database_away(error) or is_database_busy(error):
                raise
            if len(facts) == 1:
                place, name, _ = facts[0]
                log.exception("notification_failed", name=name)
                await self._set_aside(name, "internal", f"{type(error).__name__}: {error}")
                return {place}
        else:
            return set()
        failed: set[int] = set()
        for each in facts:
            failed |= await self._take_facts([each])
        return failed

    async def _take_text(self, name: str, text: InboundText) -> Taken:
        try:
            await take_text(self.pool, text)
        except Exception as error:
            if is_database_away(error) or is_database_busy(error):
                raise
            log.exception("text_message_failed", name=name)
            await self._set_aside(name, "internal", f"{type(error).__name__}: {error}")
            return "failed"
        return "taken"

    async def _set_aside(self, name: str, code: str, detail: str) -> None:
        log.warning("notification_set_aside", name=name, code=code, detail=detail)
        async with self.pool.connection() as conn:
            await record_fault(
                conn, activity=_ACTIVITY, code=code, detail=f"{name}: {detail}", subject=_ACTIVITY
            )
