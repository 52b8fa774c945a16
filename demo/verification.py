"""Comparison of what the API reports with the expected result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from demo.api_client import Row
from demo.cast import CAST, Contact
from demo.expected import CONTACT_RESULTS, COUNTS, ContactResult, Counts
from demo.watch import Watch


def is_settled(watch: Watch) -> bool:
    """Whether every contact has its expected runs and mails."""
    return next(contact_differences(watch), None) is None


def contact_differences(watch: Watch) -> Iterator[str]:
    """A line for each contact whose runs or mails are not as expected."""
    for contact in CAST:
        yield from _compare_contact(contact, CONTACT_RESULTS[contact.id], watch)


def count_differences(stats: Mapping[str, Row]) -> Iterator[str]:
    """A line for each count that is not as expected or does not add up.

    `stats` are the statistics by journey.
    """
    for journey, counts in COUNTS.items():
        yield from _compare_counts(journey, counts, stats[journey])


def _compare_contact(contact: Contact, expected: ContactResult, watch: Watch) -> Iterator[str]:
    runs = watch.runs_of(contact.id)
    if any(run["journey"] != contact.journey for run in runs):
        yield f"{contact.id} entered a journey that is not for them"
    found = tuple(_result_of(run) for run in runs)
    if found != expected.runs:
        yield f"{contact.id} has the runs {_listed(found)} instead of {_listed(expected.runs)}"
    mails = watch.mails.get(contact.email, []) if contact.email else []
    subjects = tuple(mail["subject"] for mail in mails)
    if subjects != expected.mails:
        yield f"{contact.id} got the mails {_listed(subjects)} instead of {_listed(expected.mails)}"


def _result_of(run: Row) -> tuple[str | None, str | None]:
    if run["state"] == "active":
        return (None, run["step"])
    # The run that follows a restart shows how it came about.
    return (run["outcome"], None if run["outcome"] == "restarted" else run["reason"])


def _compare_counts(journey: str, counts: Counts, found: Row) -> Iterator[str]:
    for name, expected in (
        ("entered", counts.entered),
        ("active", counts.active),
        ("ends", counts.ends),
    ):
        if found[name] != expected:
            yield f"stats of {journey}: {name} is {found[name]} instead of {expected}"
    # A run that was restarted and the one that replaced it are one entry.
    ended = sum(count for outcome, count in found["ends"].items() if outcome != "restarted")
    if found["entered"] != found["active"] + ended:
        yield f"stats of {journey}: entered is not active and ended together"
    steps = {step["id"]: step for step in found["steps"]}
    if list(steps) != list(counts.steps):
        yield f"stats of {journey}: the steps are {list(steps)} instead of {list(counts.steps)}"
        return
    for id_, count in counts.steps.items():
        expected_step = {
            "reached": count.reached,
            "waiting": count.waiting,
            "sent": count.sent,
            "skipped": count.skipped,
            "failed": 0,
            "unknown": 0,
            "opened": count.opened,
            "clicked": count.clicked,
            "left": count.reached - count.waiting,
        }
        for name, value in expected_step.items():
            if steps[id_][name] != value:
                yield (
                    f"stats of {journey}: {name} of {id_} is {steps[id_][name]} instead of {value}"
                )


def _listed(found: Sequence[object]) -> str:
    return str(list(found)) if found else "none"
