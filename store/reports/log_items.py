"""Items of the log, made of the rows of its sources."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from journeys.model.json_values import read_json
from journeys.protocol.channels import SEND_KINDS
from store.reports.log_places import LogPlace
from store.reports.log_types import SOURCES, TYPE_OF_EVENT, TYPES, LogSource, LogType
from store.sql import Connection, fetch_all, sql

RANKS: Final[Mapping[LogSource, int]] = {source: rank for rank, source in enumerate(SOURCES)}
_EXTERNAL: Final = sql("""
select id::text, external_id from contact
where id = any(%(contacts)s) and external_id is not null
""")
_BY_VISIT: Final = ("visit",)
_BY_ID: Final = ("entry", "end", "goal", "job_begun", "job_ended")


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row of a source; without `details` it says how far the source was looked at."""

    at: datetime
    id: UUID
    n: int
    details: str | None


@dataclass(frozen=True, slots=True)
class LogItem:
    """One thing that was tracked or done."""

    type: LogType
    source: LogSource
    at: datetime
    """When it was recorded."""
    id: str
    """The same whenever it is read."""
    contact: str | None
    """The external id, or else our own; of a rejected call what it named."""
    details: dict[str, Any]
    place: LogPlace


def item_of(source: LogSource, row: LogRow, place: LogPlace) -> LogItem:
    """The item of a row that has details."""
    assert row.details is not None
    details: dict[str, Any] = read_json(row.details)
    if source in _BY_VISIT:
        id_ = f"{source}.{row.id}.{row.n}"
    else:
        id_ = f"{source}.{row.id if source in _BY_ID else row.n}"
    contact = details.get("reference") if source == "rejected" else details.get("contact")
    return LogItem(_type(source, details), source, row.at, id_, contact, details, place)


def _type(source: LogSource, details: Mapping[str, Any]) -> LogType:
    match source:
        case "event":
            return TYPE_OF_EVENT.get(details["name"], "event")
        case "visit":
            return "send" if details["kind"] in SEND_KINDS else "visit"
        case "job_begun" | "job_ended":
            return "job"
        case _:
            return source


async def with_external_ids(conn: Connection, items: Sequence[LogItem]) -> list[LogItem]:
    """The items, with the external ids of their contacts."""
    own = {each.contact for each in items if each.source != "rejected" and each.contact}
    if not own:
        return list(items)
    ids = []
    for text in own:
        try:
            ids.append(UUID(text))
        except ValueError:
            # The audit log has a hash in the place of a contact that is erased.
            continue
    known = dict(await fetch_all(conn, _EXTERNAL, {"contacts": ids}))
    return [
        each
        if each.source == "rejected" or each.contact is None
        else replace(each, contact=known.get(each.contact, each.contact))
        for each in items
    ]


def of_types(types: Collection[LogType]) -> dict[str, Any]:
    """The parameters by which the sources that have several types give some of them.

    Events of the type `event` have any name but those of the other types.
    """
    others = [name for name, kind in TYPE_OF_EVENT.items() if kind not in types]
    chosen = [name for name, kind in TYPE_OF_EVENT.items() if kind in types]
    sends = sorted(SEND_KINDS)
    return {
        "names": None if "event" in types else chosen,
        "not_names": others,
        "kinds": None if "visit" in types else sends,
        "not_kinds": [] if "send" in types else sends,
    }


def types_of(source: LogSource) -> frozenset[LogType]:
    """The types of the items of a source."""
    return frozenset(name for name, each in TYPES.items() if source in each.sources)
