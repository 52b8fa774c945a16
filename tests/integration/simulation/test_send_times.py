"""When sends go out, simulated; what is expected was worked out by hand.

Paris is at +01:00, and from 2026-03-29T01:00Z to 2026-10-25T01:00Z at +02:00. 2 March 2026 is a
Monday.
"""

from __future__ import annotations

from typing import Any

import pytest

from simulation.timeline import Line
from tests.integration.simulation.conftest import Play
from tests.integration.simulation.samples import ADA

BEGUN = {"event": "Begun"}


def journey(*steps: str, more: str = "", besides: str = "") -> str:
    lines = "".join(f"  - {{{step}}}\n" for step in steps)
    topic = "topic: offers\ndefault: opt_out\n---\n"
    return (
        f"{besides}{topic}journey: j\nentry: {{event: Begun}}\nre_entry: always\n{more}\n"
        f"steps:\n{lines}"
    )


def mail(more: str = "", name: str = "mail") -> str:
    return f"id: {name}, email: {{subject: s, text: t, topic: offers{more and ', '}{more}}}"


def text(more: str = "") -> str:
    return f"id: text, sms: {{text: t, topic: offers{more and ', '}{more}}}"


OF_NO_COUNTRY = "+88213300000"
"""The number of a satellite phone. From a French one the country would be known."""


def ada(**more: Any) -> dict[str, Any]:
    traits = {**ADA["traits"], "phone": "+33612345678", **more.pop("traits", {})}
    return {**ADA, "traits": traits, **more}


def visits_of(lines: list[Line], step: str = "mail") -> list[tuple[str | None, str]]:
    """Outcome and local time of each visit to a step."""
    return [
        (line.outcome, line.local.strftime("%a %d %b %H:%M")) for line in lines if line.step == step
    ]


def only(lines: list[Line], step: str = "mail") -> Line:
    [line] = [line for line in lines if line.step == step]
    return line


# ------------------------------------------------------------------------------- windows


async def test_a_send_outside_its_window_waits_until_it_opens(simulate: Play) -> None:
    window = "defaults: {window: {days: mon-fri, from: '09:00', to: '18:00'}}"
    events = [{"at": "+0s", **BEGUN}]
    # Friday evening; the clocks are changed before Monday.
    lines = await simulate(journey(mail(), more=window), ADA, events, "2026-03-27T17:30:00Z")
    assert visits_of(lines) == [("sent", "Mon 30 Mar 09:00")]
    assert only(lines).facts["held"] == [{"why": "window", "until": "2026-03-30T07:00:00+00:00"}]
    assert only(lines).facts["zone"] == "Europe/Paris"


async def test_dates_that_are_left_out_are_skipped_over(simulate: Play) -> None:
    window = "window: {from: '09:00', to: '18:00', except: [2026-12-25, 2026-12-26]}"
    events = [{"at": "+0s", **BEGUN}]
    lines = await simulate(journey(mail(window)), ADA, events, "2026-12-24T20:00:00Z")
    assert visits_of(lines) == [("sent", "Sun 27 Dec 09:00")]


async def test_a_send_may_be_skipped_outside_its_window(simulate: Play) -> None:
    window = "window: {from: '09:00', to: '18:00', else: skip}"
    events = [{"at": "+0s", **BEGUN}, {"at": "+13h", **BEGUN}]
    lines = await simulate(journey(mail(window)), ADA, events, "2026-03-02T19:00:00Z")
    assert visits_of(lines) == [("skipped", "Mon 02 Mar 20:00"), ("sent", "Tue 03 Mar 09:00")]
    [skipped, _] = [line for line in lines if line.step == "mail"]
    assert skipped.facts == {"reason": "window", "zone": "Europe/Paris"}


async def test_a_window_that_is_left_when_quiet_hours_end_skips(simulate: Play) -> None:
    hours = "window: {to: '13:00', else: skip}, quiet_hours: {from: '12:00', to: '14:00'}"
    events = [{"at": "+0s", **BEGUN}]
    lines = await simulate(journey(mail(hours)), ADA, events, "2026-03-02T11:30:00Z")
    assert visits_of(lines) == [("skipped", "Mon 02 Mar 14:00")]
    assert only(lines).facts["reason"] == "window"


async def test_hours_that_a_channel_leaves_none_of_skip_the_send(simulate: Play) -> None:
    channel = "channel: email\nwindow: {from: '20:00', to: '21:00'}\n---\n"
    quiet = "quiet_hours: {from: '18:00', to: '08:00'}"
    events = [{"at": "+0s", **BEGUN}]
    lines = await simulate(
        journey(mail(quiet), besides=channel), ADA, events, "2026-03-02T19:00:00Z"
    )
    assert visits_of(lines) == [("skipped", "Mon 02 Mar 20:00")]
    assert (only(lines).facts["reason"], only(lines).facts["opens"]) == ("window", "never")


async def test_a_zone_that_changes_during_a_hold_moves_its_end(simulate: Play) -> None:
    window = "window: {from: '09:00', to: '18:00'}"
    events = [
        {"at": "+0s", **BEGUN},
        {"at": "+2h", "traits": {"timezone": "Asia/Tokyo"}},
    ]
    # 20:00 in Paris, held until 08:00Z; two hours later it is 06:00 in Tokyo, where 09:00 is 00:00Z
    lines = await simulate(journey(mail(window)), ADA, events, "2026-03-02T19:00:00Z")
    assert only(lines).at.isoformat() == "2026-03-03T00:00:00+00:00"
    assert only(lines).facts["held"] == [
        {"why": "window", "until": "2026-03-03T08:00:00+00:00"},
        {"why": "window", "until": "2026-03-03T00:00:00+00:00"},
    ]


async def test_a_zone_in_which_the_window_is_open_lets_a_held_send_go(simulate: Play) -> None:
    window = "window: {from: '09:00', to: '18:00'}"
    events = [
        {"at": "+0s", **BEGUN},
        {"at": "+2h", "traits": {"timezone": "America/Los_Angeles"}},
    ]
    lines = await simulate(journey(mail(window)), ADA, events, "2026-03-02T19:00:00Z")
    assert only(lines).at.isoformat() == "2026-03-02T21:00:00+00:00"


# --------------------------------------------------------------- quiet hours, by country too

BY_COUNTRY = """\
channel: sms
quiet_hours: {from: "21:00", to: "08:00"}
countries:
  FR: {quiet_hours: {from: "20:00", to: "08:00"}, window: {days: mon-sat}}
  be: {quiet_hours: {from: "22:00", to: "10:00"}}
---
"""


@pytest.mark.parametrize(
    ("country", "begun", "right"),
    [
        # Saturday 7 March.
        (None, "2026-03-07T19:30:00Z", "Sat 07 Mar 20:30"),
        (None, "2026-03-07T20:30:00Z", "Sun 08 Mar 08:00"),
        # No text on a French Sunday, at any hour.
        ("FR", "2026-03-07T18:59:00Z", "Sat 07 Mar 19:59"),
        ("FR", "2026-03-07T19:30:00Z", "Mon 09 Mar 08:00"),
        # The channel's quiet hours and Belgium's: both must be over.
        ("BE", "2026-03-07T20:30:00Z", "Sun 08 Mar 10:00"),
        ("BE", "2026-03-08T09:30:00Z", "Sun 08 Mar 10:30"),
    ],
)
async def test_quiet_hours_are_those_of_the_channel_and_of_the_country(
    simulate: Play, country: str | None, begun: str, right: str
) -> None:
    contact = ada(traits={"country": country, "phone": OF_NO_COUNTRY})
    book = journey(text(), besides=BY_COUNTRY)
    lines = await simulate(book, contact, [{"at": "+0s", **BEGUN}], begun)
    assert visits_of(lines, "text") == [("sent", right)]


async def test_what_a_step_says_wins_over_its_channel_and_not_over_the_country(
    simulate: Play,
) -> None:
    own = text("quiet_hours: {from: '02:00', to: '03:00'}")
    book = journey(own, besides=BY_COUNTRY)
    events = [
        {"at": "+0s", **BEGUN},
        {"at": "+1h", "traits": {"country": "FR"}},
        {"at": "+1h", **BEGUN},
    ]
    # 22:00 in Paris: quiet for the channel, which the step overrides; then quiet for France.
    contact = ada(traits={"phone": OF_NO_COUNTRY})
    lines = await simulate(book, contact, events, "2026-03-02T21:00:00Z")
    assert visits_of(lines, "text") == [("sent", "Mon 02 Mar 22:00"), ("sent", "Tue 03 Mar 08:00")]


async def test_a_country_that_changes_during_a_hold_moves_its_end(simulate: Play) -> None:
    events = [{"at": "+0s", **BEGUN}, {"at": "+1h", "traits": {"country": "BE"}}]
    lines = await simulate(
        journey(text(), besides=BY_COUNTRY),
        ada(traits={"country": "FR"}),
        events,
        "2026-03-07T19:30:00Z",
    )
    assert visits_of(lines, "text") == [("sent", "Sun 08 Mar 10:00")]
    assert [each["until"] for each in only(lines, "text").facts["held"]] == [
        "2026-03-09T07:00:00+00:00", "2026-03-08T09:00:00+00:00",
    ]  # fmt: skip


async def test_transactional_messages_and_webhooks_know_no_quiet_hours(simulate: Play) -> None:
    book = journey(
        "id: text, sms: {text: t, transactional: true}",
        'id: hook, webhook: {url: "https://hook.example/"}',
        "id: own, sms: {text: t, transactional: true, window: {from: '09:00', to: '10:00'}}",
        more="window: {from: '12:00', to: '13:00'}\n"
        "defaults: {send_at: '11:00', quiet_hours: {from: '20:00', to: '08:00'},"
        " cap: {max: 1, per: 7d}}",
        besides=BY_COUNTRY,
    )
    contact = ada(traits={"country": "FR"})
    lines = await simulate(book, contact, [{"at": "+0s", **BEGUN}], "2026-03-02T21:00:00Z")
    # A time of day is inherited by messages all the same, and a window of its own is kept.
    assert visits_of(lines, "text") == [("sent", "Tue 03 Mar 11:00")]
    assert visits_of(lines, "hook") == [("ok", "Tue 03 Mar 11:00")]
    assert visits_of(lines, "own") == [("sent", "Wed 04 Mar 09:00")]


# -------------------------------------------------------------------------------- send_at


async def test_a_send_goes_out_at_its_time_of_day(simulate: Play) -> None:
    events = [{"at": "+0s", **BEGUN}]
    lines = await simulate(journey(mail("send_at: '10:00'")), ADA, events, "2026-03-28T12:00:00Z")
    assert visits_of(lines) == [("sent", "Sun 29 Mar 10:00")]
    assert only(lines).facts["held"] == [{"why": "send_at", "until": "2026-03-29T08:00:00+00:00"}]


async def test_a_window_puts_a_time_of_day_off(simulate: Play) -> None:
    step = mail("send_at: '10:00', window: {days: mon-fri, from: '14:00'}")
    events = [{"at": "+0s", **BEGUN}]
    lines = await simulate(journey(step), ADA, events, "2026-03-07T12:00:00Z")
    assert visits_of(lines) == [("sent", "Mon 09 Mar 14:00")]


async def test_the_time_of_day_is_counted_from_the_visits_start_in_the_zone_of_then(
    simulate: Play,
) -> None:
    events = [{"at": "+0s", **BEGUN}, {"at": "+1h", "traits": {"timezone": "America/New_York"}}]
    # 09:00 in Paris; at 10:00 there the contact is in New York, where 10:00 is 15:00Z.
    lines = await simulate(journey(mail("send_at: '10:30'")), ADA, events, "2026-03-02T08:00:00Z")
    assert only(lines).at.isoformat() == "2026-03-02T15:30:00+00:00"


def seen(*local: str) -> list[dict[str, Any]]:
    """Events of the days before 20 May, when Paris is at +02:00."""
    return [{"at": f"2026-05-{when}:00+02:00", "event": "Page Viewed"} for when in local]


@pytest.mark.parametrize(
    ("before", "more", "right", "best"),
    [
        # Twice at eight in the evening, thrice at nine: nine.
        (
            seen("11T20:10", "12T20:20", "13T21:05", "14T21:59", "15T21:00"), "",
            "Wed 20 May 21:00", (21, 5),
        ),
        # The window closes at nine, so it is eight.
        (
            seen("11T20:10", "12T20:20", "13T21:05", "14T21:59", "15T21:00"),
            ", window: {from: '08:00', to: '21:00'}", "Wed 20 May 20:00", (20, 5),
        ),
        # With the one that begins the run these are four: not enough.
        (
            seen("13T21:05", "14T21:59", "15T21:00"), "",
            "Thu 21 May 10:00", (10, 3),
        ),
        # Of two hours the earlier.
        (
            seen("11T22:10", "12T22:20", "13T07:05", "14T07:59", "15T12:00"), "",
            "Thu 21 May 07:00", (7, 5),
        ),
        # The current hour is now: it is 13:30.
        (
            seen("11T13:10", "12T13:20", "13T13:05", "14T07:59", "15T12:00"), "",
            "Wed 20 May 13:30", (13, 5),
        ),
    ],
)  # fmt: skip
async def test_the_best_hour_is_the_contacts_most_active_one(
    simulate: Play, before: list[dict[str, Any]], more: str, right: str, best: tuple[int, int]
) -> None:
    contact = {**ADA, "events": before}
    book = journey(mail(f"send_at: best{more}"))
    lines = await simulate(book, contact, [{"at": "+0s", **BEGUN}], "2026-05-20T11:30:00Z")
    assert visits_of(lines) == [("sent", right)]
    hour, events = best
    # The event that began the run is one of the contact's as well.
    assert only(lines).facts["best"] == {
        "hour": hour, "events": events + 1, "zone": "Europe/Paris",
    }  # fmt: skip


# ------------------------------------------------------------------------- up_to and caps


async def test_a_send_that_is_held_for_too_long_is_late(simulate: Play) -> None:
    step = mail("window: {from: '09:00', to: '18:00'}, up_to: 3h")
    events = [{"at": "+0s", **BEGUN}, {"at": "+12h", **BEGUN}]
    # At 20:00, and at 08:00 the next morning.
    lines = await simulate(journey(step), ADA, events, "2026-03-02T19:00:00Z")
    assert visits_of(lines) == [("skipped", "Mon 02 Mar 23:00"), ("sent", "Tue 03 Mar 09:00")]
    late, _ = [line for line in lines if line.step == "mail"]
    assert late.facts["reason"] == "late"
    assert late.facts["up_to"] == "2026-03-02T22:00:00+00:00"
    assert late.facts["held"] == [{"why": "window", "until": "2026-03-03T08:00:00+00:00"}]


async def test_a_spent_cap_skips_or_holds_up_to_a_limit(simulate: Play) -> None:
    book = journey(
        mail("cap: {max: 2, per: 7d}", "first"),
        mail("cap: {max: 2, per: 7d}", "second"),
        "id: day, wait: 1d",
        mail("cap: {max: 2, per: 7d}", "skipped"),
        mail("cap: {max: 2, per: 7d}, up_to: 2d", "late"),
        mail("cap: {max: 2, per: 7d}, up_to: 5d", "held"),
        mail("transactional: true", "owed"),
        "id: text, sms: {text: t, topic: offers, cap: {max: 2, per: 7d}}",
        mail("cap: {max: 3, per: 7d}", "other"),
    )
    # 26 March; a week later the clocks have been changed.
    lines = await simulate(book, ada(), [{"at": "+0s", **BEGUN}], "2026-03-26T09:00:00Z")
    assert [(line.step, line.outcome, line.local.strftime("%d %b %H:%M")) for line in lines] == [
        (None, "entered", "26 Mar 10:00"),
        ("first", "sent", "26 Mar 10:00"),
        ("second", "sent", "26 Mar 10:00"),
        ("day", "elapsed", "27 Mar 10:00"),
        ("skipped", "skipped", "27 Mar 10:00"),
        ("late", "skipped", "29 Mar 10:00"),
        # The week of the first two ends on 2 April, at the same local time; up_to would on the 3rd.
        ("held", "sent", "02 Apr 10:00"),
        ("owed", "sent", "02 Apr 10:00"),
        ("text", "sent", "02 Apr 10:00"),
        ("other", "sent", "02 Apr 10:00"),
        (None, "completed", "02 Apr 10:00"),
    ]
    by_step = {line.step: line.facts for line in lines}
    assert by_step["skipped"]["reason"] == "cap"
    assert by_step["skipped"]["free_at"] == "2026-04-02T08:00:00+00:00"
    assert by_step["late"]["reason"] == "late"
    assert by_step["held"]["held"] == [{"why": "cap", "until": "2026-04-02T08:00:00+00:00"}]


async def test_a_cap_of_the_channel_holds_for_every_journey(simulate: Play) -> None:
    channel = "channel: email\ncap: {max: 1, per: 1d}\n---\n"
    events = [{"at": "+0s", **BEGUN}, {"at": "+23h", **BEGUN}, {"at": "+24h", **BEGUN}]
    lines = await simulate(journey(mail(), besides=channel), ADA, events, "2026-03-02T09:00:00Z")
    assert visits_of(lines) == [
        ("sent", "Mon 02 Mar 10:00"), ("skipped", "Tue 03 Mar 09:00"), ("sent", "Tue 03 Mar 10:00"),
    ]  # fmt: skip


async def test_consent_that_is_withdrawn_during_a_hold_prevents_the_send(simulate: Play) -> None:
    window = "window: {from: '09:00', to: '18:00'}"
    events = [
        {"at": "+0s", **BEGUN},
        {"at": "+1h", "event": "Topic Unsubscribed", "properties": {"topic": "offers"}},
    ]
    lines = await simulate(journey(mail(window)), ADA, events, "2026-03-02T19:00:00Z")
    assert visits_of(lines) == [("skipped", "Tue 03 Mar 09:00")]
    assert only(lines).facts["reason"] == "consent"


async def test_an_exit_ends_a_hold_at_once(simulate: Play) -> None:
    book = journey(
        mail("window: {from: '09:00', to: '18:00'}"), more="exit: {event: Order Completed}"
    )
    events = [{"at": "+0s", **BEGUN}, {"at": "+1h", "event": "Order Completed"}]
    lines = await simulate(book, ADA, events, "2026-03-02T19:00:00Z")
    assert [(line.kind, line.outcome, line.local.strftime("%H:%M")) for line in lines] == [
        ("entry", "entered", "20:00"), ("email", "skipped", "21:00"), ("end", "exited", "21:00"),
    ]  # fmt: skip


async def test_messages_keep_their_distance_and_marketing_counts_on_all_channels(
    simulate: Play,
) -> None:
    book = journey(
        mail(name="first"),
        text("apart: 4h"),
        "id: owed, email: {subject: s, text: t, transactional: true, apart: 1h}",
        mail("cap: {max: 2, per: 7d, count: all}", "third"),
        mail("cap: {max: 2, per: 7d, count: all}, class: service", "service"),
        more="defaults: {apart: 30m}",
    )
    lines = await simulate(book, ada(), [{"at": "+0s", **BEGUN}], "2026-03-02T09:00:00Z")
    found = [(line.step, line.outcome, line.local.strftime("%H:%M")) for line in lines[1:-1]]
    assert found == [
        ("first", "sent", "10:00"),
        # 4 h after the mail, whose channel is another one.
        ("text", "sent", "14:00"),
        # A distance of its own holds a transactional message, too; it counts for no other.
        ("owed", "sent", "15:00"),
        ("third", "skipped", "15:00"),
        ("service", "sent", "15:00"),
    ]
