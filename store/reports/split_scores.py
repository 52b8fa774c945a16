"""Scores of the arms of a split: contacts, and those who reached a message status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from journeys.model.arms import Score
from journeys.protocol.message_status import STATUSES, MessageStatus
from store.sql import Sql, fetch_all, name, sql


def _scores_by(status: MessageStatus) -> Sql:
    return sql(
        """
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
        """,
        status_at=name(f"{status}_at"),
    )


_SCORES = {status: _scores_by(status) for status in STATUSES}


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
    """The scores of arms at the instant `until`, in the order of `arms`.

    `arms`: by name, the steps whose messages count. A contact counts once in an arm, however many
    of its runs took it.
    """
    scores = await fetch_all(
        conn,
        _SCORES[by],
        {
            "journey": journey,
            "version": version,
            "step": step,
            "arms": Jsonb({arm: list(sends) for arm, sends in arms.items()}),
            "until": until,
        },
    )
    by_arm = {arm: (contacts, won) for arm, contacts, won in scores}
    return [Score(arm, *by_arm.get(arm, (0, 0))) for arm in arms]
