"""Items of the log in words: one sentence each, without the time and the contact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.contacts.timeline_sentences import sentence as timeline_sentence
from api.operations.audit_sentences import sentence as audit_sentence
from journeys.protocol.jobs import JOBS
from store.operations.audit_listing import AuditEntry
from store.reports.log_items import LogItem

_LONGEST: Final = 200


def sentence_of(item: LogItem) -> str:
    """What was tracked or done."""
    about = item.details
    match item.type:
        case "event" | "consent" | "delivery":
            return timeline_sentence("event", about)
        case "change" | "group" | "entry" | "refusal" | "end" | "repair" | "visit":
            return timeline_sentence(item.type, about)
        case "segment":
            verb = "entered" if about["name"] == "Segment Entered" else "left"
            properties = about["properties"]
            return f"{verb} the segment {properties.get('segment')} (by {properties.get('by')})"
        case "send":
            return timeline_sentence("visit", about)
        case "rejected":
            left_out = f", and its {about['field']} was left out" if about["field"] else ""
            taken = "was taken" if left_out else "was rejected"
            again = "; it was replayed" if about["replayed_at"] else ""
            return _cut(
                f"{about['name']} {taken}{left_out}: {about['why']} ({about['code']}){again}"
            )
        case "goal":
            value = "" if about["value"] is None else f", worth {about['value']}"
            return f"met the goal of {about['journey']} by {about['name']}{value}"
        case "action":
            return f"{about['by']} {audit_sentence(_audited(item))}"
        case "job":
            return _job(about)
        case "fault":
            return _cut(f"{about['subject']} ({about['part']}): {about['code']}: {about['detail']}")
        case "dead_event":
            name = about["name"] or "an event"
            return _cut(f"the dispatch of {name} was given up: {about['code']}: {about['why']}")


def _job(about: Mapping[str, Any]) -> str:
    definition = next((each for kind, each in JOBS.items() if kind == about["kind"]), None)
    what = about["kind"]
    if definition is not None:
        what = definition.subject.format(
            journey=about["journey"], version=about["version"], subject=about["subject"]
        )
    if about["began"]:
        by = f", by {about['by']}" if about["by"] else ""
        return f"a job began: {what}{by}"
    failed = f", {about['failed']} set aside" if about["failed"] else ""
    return f"a job ended ({about['state']}): {what}: {about['done']} of {about['total']}{failed}"


def _audited(item: LogItem) -> AuditEntry:
    about = item.details
    return AuditEntry(
        id=about["audit"],
        at=item.at,
        actor=about["by"],
        key_id=None,
        scope=None,
        via=about["via"],
        action=about["action"],
        subject_kind=about["subject_kind"],
        subject=about["subject"],
        journey=about["journey"],
        before=about["before"],
        after=about["after"],
        reason=about["reason"],
        request_id=about["request_id"],
    )


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
