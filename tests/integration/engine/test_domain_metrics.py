"""What the engine does is counted where it happens: entries, refusals, sends, waits, goals."""

from prometheus_client import REGISTRY

from tests.support.conditions import eventually
from tests.support.engine import Engine
from tests.support.smtp import SmtpSink

COUNTED = """
journey: counted
entry: {event: Started}
goal: {event: Bought, within: 1d}
steps:
  - {id: hello, email: {subject: Hello, text: Hello, transactional: true}}
  - {id: short, wait: 1s}
  - {id: decide, wait: {event: Go On, up_to: 2d}}
  - {id: again, email: {subject: Again, text: Again, transactional: true}}
"""
EMAIL = {"channel": "email", "provider": "smtp"}
NAMES: dict[str, tuple[str, dict[str, str]]] = {
    "entries": ("parcours_entries_total", {}),
    "refused": ("parcours_refusals_total", {"code": "re_entry"}),
    "sent": ("parcours_sends_total", {**EMAIL, "outcome": "sent"}),
    "failed": ("parcours_sends_total", {**EMAIL, "outcome": "refused"}),
    "unknown_address": (
        "parcours_send_failures_total", {"channel": "email", "code": "address_unknown"}
    ),
    "calls": ("parcours_send_seconds_count", EMAIL),
    "by_time": ("parcours_waits_ended_total", {"by": "time"}),
    "by_trigger": ("parcours_waits_ended_total", {"by": "trigger"}),
    "timed": ("parcours_wait_lateness_seconds_count", {}),
    "goals": ("parcours_goals_total", {}),
}  # fmt: skip


WITHIN_AN_HOUR = ("parcours_wait_lateness_seconds_bucket", {"le": "3600.0"})


def counts() -> dict[str, float]:
    """What this process has counted."""
    return {
        key: REGISTRY.get_sample_value(name, labels) or 0.0 for key, (name, labels) in NAMES.items()
    }


async def test_each_thing_that_happens_is_counted_once(engine: Engine, smtp_sink: SmtpSink) -> None:
    await engine.activate(COUNTED)
    before = counts()
    within_an_hour = REGISTRY.get_sample_value(*WITHIN_AN_HOUR) or 0.0
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Started")
    await engine.standing_at(contact, "decide")
    await engine.event(contact, "Bought")
    smtp_sink.answer = lambda _envelope: "550 5.1.1 no such mailbox"
    await engine.event(contact, "Go On")
    await engine.ended(contact)
    await engine.event(contact, "Started")

    def counted() -> bool:
        found = {key: value - before[key] for key, value in counts().items()}
        assert found == {
            "entries": 1, "refused": 1, "sent": 1, "failed": 1, "unknown_address": 1, "calls": 2,
            "by_time": 1, "by_trigger": 1, "timed": 1, "goals": 1,
        }  # fmt: skip
        return True

    await eventually(counted, 30)
    # Tests before it in this process have counted waits of their own.
    assert REGISTRY.get_sample_value(*WITHIN_AN_HOUR) == within_an_hour + 1
