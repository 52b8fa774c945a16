"""Each way to write the times of sends wrong, and documents of channels."""

import pytest

from journeys.model.documents import load
from journeys.model.sends import Channel
from tests.unit.journeys.examples import errors, journey, problems

HEAD = "topic: offers\ndefault: opt_in\n---\njourney: j\nentry: {event: X}\n"
"""Five lines."""


def send(more: str) -> str:
    return f"{HEAD}steps: [{{id: a, sms: {{text: t, topic: offers, {more}}}}}]\n"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("window: {}", "[a] `window`: a window needs `days`, `from`, `to` or `except`"),
        ("window: {else: skip}", "[a] `window`: a window needs `days`, `from`, `to` or `except`"),
        (
            "window: {from: '09:00', to: '09:00:00'}",
            (
                "[a] `window`: the window begins and ends at 09:00, so it never opens; "
                "leave both out for the whole day"
            ),
        ),
        (
            "window: {from: '9:00'}",
            '[a] `from`: `9:00` is not a time of day; write "09:00", from "00:00" to "23:59"',
        ),
        (
            "window: {to: '24:00'}",
            '[a] `to`: `24:00` is not a time of day; write "09:00", from "00:00" to "23:59"',
        ),
        (
            "window: {days: monday}",
            "[a] `days`: `monday` are not days of the week; write mon, mon-fri or [mon, sat]",
        ),
        ("window: {days: []}", "[a] `days` needs at least 1"),
        (
            "window: {except: [12-25]}",
            "[a] `12-25` is not a date; write 2026-12-31",
        ),
        (
            "window: {except: 2026-12-25}",
            (
                "[a] `except` needs a list, not the text `2026-12-25`; "
                "write [a, b], or a line with - for each"
            ),
        ),
        (
            "window: {days: mon, else: drop}",
            "[a] `else`: `drop` is not one of wait, skip",
        ),
        ("window: {day: mon}", "[a] unknown key `day`; did you mean `days`?"),
        ("quiet_hours: {from: '21:00'}", "[a] `to` is missing in `quiet_hours`"),
        (
            "quiet_hours: {from: '21:00', to: '21:00'}",
            (
                "[a] `quiet_hours`: the quiet hours begin and end at 21:00; "
                'write for example {from: "21:00", to: "08:00"}'
            ),
        ),
        (
            "quiet_hours: {from: '21:00', to: '08:00', days: mon}",
            "[a] unknown key `days`; known here: from, to",
        ),
        ("cap: 3", "[a] `cap` needs a mapping, not the number 3"),
        ("cap: {max: 3}", "[a] `per` is missing in `cap`"),
        ("cap: {per: 7d}", "[a] `max` is missing in `cap`"),
        ("cap: {max: 0, per: 7d}", "[a] `max` must be greater than or equal to 1"),
        (
            "cap: {max: '3', per: 7d}",
            (
                "[a] `max` needs a whole number, not the text `3`; "
                "write it without quotes and other signs"
            ),
        ),
        (
            "cap: {max: 3, per: week}",
            "[a] `per`: `week` is not a duration; write 30m, 2h, 1h30m, 3d, 1w, 1mo, 1y or PT2H",
        ),
        ("cap: {max: 3, per: 0d}", "[a] `per`: `0d` is no time at all; write for example 2h or 7d"),
        ("send_at: 10", '[a] `send_at`: `10` is not a time to send at; write "10:00" or best'),
        (
            "send_at: '+9:30'",
            '[a] `send_at`: `+9:30` is not a time to send at; write "10:00" or best',
        ),
        (
            "send_at: '24:00'",
            '[a] `send_at`: `24:00` is not a time to send at; write "10:00" or best',
        ),
        (
            "send_at: Best",
            '[a] `send_at`: `Best` is not a time to send at; write "10:00" or best',
        ),
        (
            "up_to: soon",
            "[a] `up_to`: `soon` is not a duration; write 30m, 2h, 1h30m, 3d, 1w, 1mo, 1y or PT2H",
        ),
        ("up_to: 0s", "[a] `up_to`: `0s` is no time at all; write for example 2h or 7d"),
        (
            "window: {from: '09:00', to: '12:00'}, quiet_hours: {from: '08:00', to: '13:00'}",
            "[a] `a` can never go out: its window and its quiet hours leave no hour",
        ),
        (
            "send_at: '20:00', window: {from: '09:00', to: '18:00', else: skip}",
            "[a] `a` is always skipped: its window is closed at 20:00, its `send_at`",
        ),
    ],
)
def test_a_wrong_time_of_a_send_is_an_error_at_its_line(more: str, expected: str) -> None:
    assert [str(problem) for problem in errors(send(more))] == [f"f.yaml:6: {expected}"]


def test_hours_that_are_inherited_may_leave_none_either() -> None:
    text = (
        f"{HEAD}quiet_hours: {{from: '08:00', to: '20:00'}}\n"
        "defaults: {window: {from: '09:00', to: '18:00'}}\nsteps:\n"
        "- {id: a, sms: {text: t, topic: offers}}\n"
        "- {id: b, sms: {text: t, transactional: true}}\n"
        "- {id: c, sms: {text: t, topic: offers, window: {from: '19:00', to: '21:00'}}}\n"
    )
    assert [str(problem) for problem in errors(text)] == [
        "f.yaml:9: [a] `a` can never go out: its window and its quiet hours leave no hour"
    ]


@pytest.mark.parametrize(
    "more",
    [
        "window: {days: fri-mon, from: '20:00', to: '02:00', except: [2026-12-25]}",
        "window: {from: '20:00', to: '00:00'}",
        "window: {from: '09:00', to: '18:00', else: skip}, send_at: '17:59'",
        # Quiet hours put it off until the window is open.
        (
            "window: {from: '09:00', else: skip}, quiet_hours: {from: '05:00', to: '10:00'},"
            " send_at: '06:00'"
        ),
        "send_at: best, up_to: 1d, cap: {max: 3, per: 7d}",
    ],
)
def test_times_of_sends_that_make_sense_have_no_problem(more: str) -> None:
    assert [str(problem) for problem in problems(send(more))] == []


# ------------------------------------------------------------------------------- channels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "channel: fax\nwindow: {days: mon}\n",
            "f.yaml:1: `channel`: `fax` is not one of email, sms",
        ),
        ("channel: sms\nsend_at: best\n", "f.yaml:2: unknown key `send_at`"),
        (
            (
                "channel: sms\ncountries:\n  FR: {quiet_hours: {from: '20:00', to: '08:00'}}\n"
                "  UK: {window: {days: mon}}\n"
            ),
            "f.yaml:4: `UK`: 'UK' is not a country's two letters (ISO 3166-1), such as FR",
        ),
        (
            "channel: sms\ncountries:\n  FR: {cap: {max: 1, per: 1d}}\n",
            "f.yaml:3: unknown key `cap`",
        ),
        (
            "channel: sms\ncountries:\n  FR: {window: {days: mon}}\n  fr: {window: {days: tue}}\n",
            "`countries` names FR twice",
        ),
        (
            (
                "channel: sms\nwindow: {to: '08:00'}\ncountries:\n  DE: {window: {days: mon}}\n"
                "  FR: {quiet_hours: {from: '20:00', to: '08:00'}}\n"
            ),
            (
                "f.yaml:5: a message of FR can never go out: "
                "its window and its quiet hours leave no hour"
            ),
        ),
        (
            "channel: sms\nwindow: {to: '08:00'}\nquiet_hours: {from: '20:00', to: '08:00'}\n",
            (
                "a message of this channel can never go out: "
                "its window and its quiet hours leave no hour"
            ),
        ),
    ],
)
def test_a_wrong_channel_is_an_error_at_its_line(text: str, expected: str) -> None:
    [problem] = [str(problem) for problem in errors(text)]
    assert expected in problem


def test_a_channel_reads_back_from_what_is_kept_and_knows_countries_by_any_case() -> None:
    content = {
        "channel": "sms",
        "quiet_hours": {"from": "21:00", "to": "08:00"},
        "countries": {"fr": {"window": {"days": "mon-sat"}}},
    }
    channel = load(content)
    assert isinstance(channel, Channel)
    kept = channel.as_document()
    assert kept["countries"] == {"FR": {"window": {"days": "mon-sat"}}}
    assert load(kept) == channel
    assert channel.of_country("Fr") == channel.countries["FR"]
    assert channel.of_country("DE") is None
    assert channel.of_country(None) is None


def test_a_send_inherits_from_its_channel_last() -> None:
    channel = load({
        "channel": "email",
        "window": {"days": "mon"},
        "quiet_hours": {"from": "21:00", "to": "08:00"},
        "cap": {"max": 1, "per": "1d"},
    })  # fmt: skip
    assert isinstance(channel, Channel)
    email = {"subject": "s", "text": "t"}
    found = journey(
        cap={"max": 2, "per": "1d"},
        defaults={"topic": "a", "quiet_hours": {"from": "20:00", "to": "08:00"}},
        steps=[
            {"id": "mail", "email": email},
            {"id": "owed", "email": {**email, "transactional": True}},
            {"id": "hook", "webhook": {"url": "https://hook.example/"}},
        ],
    )

    def effective(step: str) -> dict[str, object]:
        sent = found.step(step)
        assert sent.kind in ("email", "webhook")
        return found.effective(sent, channel).as_document()  # type: ignore[arg-type]

    assert effective("mail") == {
        "topic": "a",
        "window": {"days": "mon"},
        "quiet_hours": {"from": "20:00", "to": "08:00"},
        "cap": {"max": 2, "per": "1d"},
    }
    assert effective("owed") == {"topic": "a", "transactional": True, "class": "service"}
    assert effective("hook") == {"topic": "a"}
