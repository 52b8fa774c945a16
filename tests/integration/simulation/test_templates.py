"""Templates in a simulation: the virtual clock, the contact's zone, and what makes sends fail."""

from pathlib import Path

import pytest

from simulation.fixture import SimulatedJourney

START = "2026-03-02T01:30:00Z"
TEXT = "{{ 'now' | date: '%Y-%m-%d %H:%M' }} {{ today }} {{ entry.at | date: '%d/%m %H:%M' }}"


def journey(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "j.yaml"
    path.write_text(
        "journey: j\ntimezone: Europe/Paris\nentry: {event: Begun}\nsteps:\n"
        "  - {id: night, wait: 1d}\n"
        f'  - {{id: mail, sms: {{text: "{text}", transactional: true}}}}\n'
    )
    return path


@pytest.mark.parametrize(
    ("zone", "printed"),
    [
        ("America/Sao_Paulo", "2026-03-02 22:30 2026-03-02 30/06 22:30"),
        (None, "2026-03-03 02:30 2026-03-03 01/07 03:30"),
    ],
)
def test_now_is_the_virtual_instant_in_the_zone_of_the_contact(
    parcours: SimulatedJourney, tmp_path: Path, zone: str | None, printed: str
) -> None:
    parcours.load(journey(tmp_path, TEXT), start=START)
    traits = {"phone": "+33612345678", **({"timezone": zone} if zone else {})}
    parcours.contact({"userId": "ada", "traits": traits})
    parcours.track("Begun", {"at": "2026-07-01T01:30:00Z"})
    parcours.finish()
    assert [message.text for message in parcours.messages] == [printed]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{% if false %}x{% endif %}", "empty"),
        ("{{ entry.address }}", "template"),
        ("{% for i in (1..99999999) %}{% endfor %}", "template_limit"),
    ],
)
def test_a_failed_send_says_why(
    parcours: SimulatedJourney, tmp_path: Path, text: str, reason: str
) -> None:
    parcours.load(journey(tmp_path, text), start=START)
    parcours.contact({"userId": "ada", "traits": {"phone": "+33612345678"}})
    parcours.track("Begun", {"address": {"zip": None, "city": "Lyon"}})
    parcours.finish()
    assert parcours.path == [("night", "elapsed"), ("mail", "failed")]
    assert parcours.messages == []
    [line] = [line for line in parcours.lines if line.step == "mail"]
    assert line.facts["reason"] == reason


DOCUMENTS = """\
topic: news
default: opt_out
---
template: frame
html: "<html><head><style>p {color: red}</style></head><body>{{ content }}</body></html>"
---
template: hello
layout: frame
subject: "Hello {{ contact.first_name }}"
html: "<p>Dear {{ contact.first_name }}, <a href='{{ unsubscribe_url }}'>leave</a></p>"
locales: {fr: {subject: "Bonjour {{ contact.first_name }}"}}
---
journey: j
entry: {event: Begun}
steps: [{id: mail, email: {template: hello, topic: news}}]
"""


def test_what_a_template_makes_is_shown(parcours: SimulatedJourney, tmp_path: Path) -> None:
    path = tmp_path / "j.yaml"
    path.write_text(DOCUMENTS)
    parcours.load(path, start=START)
    traits = {"email": "a@example.com", "first_name": "A & B", "locale": "fr-FR"}
    parcours.contact({"userId": "ada", "traits": traits})
    parcours.track("Begun", {})
    parcours.finish()
    [message] = parcours.messages
    assert message.subject == "Bonjour A & B"
    assert message.text == "Dear A & B, leave (https://parcours.example/u/simulated)"
    assert message.html is not None
    assert '<p style="color: red;">Dear A &amp; B, ' in message.html
