"""How the arms of a split have done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from journeys.model.arms import Score
from journeys.protocol.message_status import MessageStatus

_TALLY = """
select v.outcome, count(distinct r.contact_id),
       count(distinct r.contact_id) filter (where exists (
           select from message m
           where m.run_id = r.id and arms.sends ? m.step and m.{status_at} <= %(until)s
       ))
from run r
join visit v on v.run_id = r.id and v.step = %(step)s and v.ended_at <= %(until)s
join jsonb_each(%(arms)s) arms(arm, sends) on arms.arm = v.outcome
where r.journey = %(journey)s and r.version = %(version)s
group by v.outcome
"""


async def tally(
    conn: AsyncConnection[Any],
    *,
    journey: str,
    version: int,
    step: str,
    arms: Mapping[str, Sequence[str]],
    by: MessageStatus,
    until: datetime,
) -> list[Score]:
    """The scores of arms, in the order given, as they stood at `until`.

    `arms`: by name, the steps whose messages count. A contact counts once in an arm, whichever of
    its runs took it.
    """
    cursor = await conn.execute(
        _TALLY.format(status_at=f"{by}_at").encode(),
        {
            "journey": journey,
            "version": version,
            "step": step,
            "arms": Jsonb({arm: list(sends) for arm, sends in arms.items()}),
            "until": until,
        },
    )
    counted = {arm: (contacts, won) for arm, contacts, won in await cursor.fetchall()}
    return [Score(arm, *counted.get(arm, (0, 0))) for arm in arms]
