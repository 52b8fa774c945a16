"""Templates of sends: their bounds, their dates, and what fails a message."""

import asyncio
from time import monotonic
from typing import Any
from uuid import UUID

from tests.support.engine import Engine
from tests.support.smtp import SmtpSink


def journey(send: str) -> str:
    return f"""
journey: sends
entry: {{event: Begun}}
re_entry: always
steps:
  - {{id: mail, {send}}}
"""


async def sent(engine: Engine, contact: UUID, **properties: Any) -> dict[str, Any]:
    """The visit to the send, once the run has ended."""
    await engine.event(contact, "Begun", **properties)
    run = await engine.ended(contact)
    assert run["outcome"] == "completed"
    return (await engine.visits(run["id"]))[0]


class Pulse:
    """Measures how long the event loop is busy with one thing."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._longest = 0.0
        self._last = monotonic()
        self._next = self._loop.call_later(0.01, self._beat)

    def _beat(self) -> None:
        now = monotonic()
        self._longest = max(self._longest, now - self._last)
        self._last = now
        self._next = self._loop.call_later(0.01, self._beat)

    def stop(self) -> float:
        """The longest time between two beats, in seconds."""
        self._next.cancel()
        return self._longest


HEAVY = "{% for i in (1..9999) %}{{ contact.bio | upcase | replace: 'A', 'b' | size }}{% endfor %}"


async def test_a_template_that_takes_too_much_fails_and_holds_up_no_other(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(journey(f'email: {{subject: Hi, text: "{HEAVY}", transactional: true}}'))
    contact = await engine.contact(email="ada@example.com", attributes={"bio": "Abc déf " * 3500})
    pulse = Pulse()
    visit = await sent(engine, contact)
    longest = pulse.stop()
    assert (visit["outcome"], visit["facts"]["reason"]) == ("failed", "template_limit")
    assert visit["facts"]["detail"].startswith("`text`: the template takes too much time or memory")
    assert smtp_sink.messages == []
    assert longest < 2.0


async def test_a_large_message_is_rendered_in_a_thread_and_goes_out(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    large = "{% for i in (1..3000) %}{{ i | plus: 1 }},{% endfor %}"
    await engine.activate(journey(f'email: {{subject: Hi, text: "{large}", transactional: true}}'))
    assert (await sent(engine, await engine.contact(email="ada@example.com")))["outcome"] == "sent"
    body = smtp_sink.messages[0].message.get_body()
    assert body is not None
    assert "2999,3000,3001," in "".join(body.get_content().split())


async def test_a_message_without_subject_or_text_fails_as_empty(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    nothing = "{% if false %}x{% endif %}"
    await engine.activate(
        journey(f'email: {{subject: "{nothing}", text: Hi, transactional: true}}')
        + f'  - {{id: b, email: {{subject: Hi, text: " {nothing} ", transactional: true}}}}\n'
        + f'  - {{id: c, email: {{subject: Hi, html: "{nothing}", transactional: true}}}}\n'
    )
    contact = await engine.contact(email="ada@example.com")
    await engine.event(contact, "Begun")
    run = await engine.ended(contact)
    for visit, part in zip(
        await engine.visits(run["id"]), ("subject", "text", "html"), strict=True
    ):
        assert visit["outcome"] == "failed"
        assert visit["facts"] == {
            "reason": "empty",
            "detail": f"`{part}` is empty for this contact",
        }
    assert smtp_sink.messages == []


async def test_dates_print_in_the_zone_of_the_contact_and_failures_name_part_and_line(
    engine: Engine, smtp_sink: SmtpSink
) -> None:
    await engine.activate(
        journey(
            """email: {transactional: true, subject: "{{ entry.at | date: '%d/%m %H:%M' }}","""
            """ text: "Hi\\n{{ entry.day | date: '%d/%m' }}"}"""
        )
    )
    ada = await engine.contact(email="ada@example.com", timezone="America/Sao_Paulo")
    visit = await sent(engine, ada, at="2026-07-01T01:30:00Z", day="2026-07-01")
    assert visit["outcome"] == "sent"
    [mail] = smtp_sink.messages
    assert mail.message["Subject"] == "30/06 22:30"
    assert b"01/07" in mail.raw
    bob = await engine.contact(email="bob@example.com")
    visit = await sent(engine, bob, at="2026-07-01T01:30:00Z", day="05/11/2026")
    assert visit["outcome"] == "failed"
    assert visit["facts"]["detail"].startswith("`text`, line 2: `date` can't use `entry.day`")
