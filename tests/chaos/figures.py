"""What the API counts after a storm, against plain SQL over the rows that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, LiteralString

from tests.chaos.records import Records
from tests.chaos.shop import Shop

_DAYS: Final[LiteralString] = """
with sent as (
    select contact_id, channel, (settled_at at time zone 'UTC')::date as day
    from message where state = 'sent'
)
select day,
       (select count(*) from run where (started_at at time zone 'UTC')::date = day) as entered,
       (select count(*) from run where (ended_at at time zone 'UTC')::date = day) as ended,
       (select count(*) from refusal where (refused_at at time zone 'UTC')::date = day) as refused,
       (select count(*) from sent where sent.day = days.day and channel = 'email') as email,
       (select count(*) from sent where sent.day = days.day and channel = 'sms') as sms,
       (select count(distinct contact_id) from sent where sent.day = days.day) as targeted,
       (select count(distinct contact_id) from run where state = 'active') as in_journeys,
       (select count(*) from visit v join run r on r.id = v.run_id
        where v.outcome is null and r.state = 'active') as waiting
from (select distinct (at at time zone 'UTC')::date as day
      from (select started_at as at from run union all select ended_at from run
            union all select settled_at from message) moments where at is not null) days
"""
_STEPS: Final[LiteralString] = """
select v.step, count(*) as reached, count(v.outcome) as left,
       count(*) filter (where v.outcome = 'sent') as sent,
       count(*) filter (where v.outcome = 'failed') as failed,
       count(*) filter (where v.outcome = 'unknown') as unknown,
       count(*) filter (where v.outcome = 'skipped') as skipped,
       count(*) filter (where v.outcome is null and r.state = 'active') as waiting,
       count(m.delivered_at) as delivered, count(m.opened_at) as opened,
       count(m.clicked_at) as clicked, count(m.bounced_at) as bounced,
       count(m.complained_at) as complained, count(m.unsubscribed_at) as unsubscribed
from visit v
join run r on r.id = v.run_id
left join message m on m.run_id = v.run_id and m.visit = v.visit
group by v.step
"""


async def wrong_totals(shop: Shop, records: Records) -> list[str]:
    """Where the dashboard or the journey's statistics are not what the rows add up to."""
    days = {row.pop("day"): row for row in await records.rows(_DAYS)}
    steps = {row.pop("step"): row for row in await records.rows(_STEPS)}
    wrong = [*_unlike_steps(await shop.figures(), steps)]
    for day, expected in days.items():
        wrong += _unlike_day(day, await shop.dashboard(day), expected)
    return wrong


def _unlike_steps(
    figures: Mapping[str, Mapping[str, Any]], steps: Mapping[str, Mapping[str, int]]
) -> Iterator[str]:
    for step, counts in figures.items():
        found = {**counts, "skipped": sum(counts["skipped"].values())}
        for name, count in steps.get(step, {"reached": 0}).items():
            if found[name] != count:
                yield f"{step}: {found[name]} {name}, and {count} by the rows"
    for step in steps.keys() - figures.keys():
        yield f"{step}: is missing in the figures"


def _unlike_day(
    day: date, dashboard: Mapping[str, Any], expected: Mapping[str, int]
) -> Iterator[str]:
    [journey] = dashboard["journeys"]
    found = {
        "entered": dashboard["entered"],
        "ended": dashboard["ended"],
        "refused": dashboard["refused"],
        "email": dashboard["messages"]["email"],
        "sms": dashboard["messages"]["sms"],
        "targeted": dashboard["targeted_contacts"],
        "in_journeys": dashboard["contacts_in_journeys"],
        "waiting": journey["waiting"],
    }
    for name, count in expected.items():
        if found[name] != count:
            yield f"{day}: {found[name]} {name}, and {count} by the rows"
