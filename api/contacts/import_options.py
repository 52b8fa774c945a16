"""What an import is asked to do: the options of the query, and the plan of the job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import orjson
from fastapi import Depends, Query

from api.http.problems import Problem
from journeys.model.contact_fields import check_timezone
from journeys.model.identifiers import find_id_flaw
from store.events.effect_events import ENGINE
from store.imports.files import FileWriter
from store.imports.mapping import Column, What, map_columns, parse_target
from store.imports.plans import By, ImportPlan, Mode
from store.imports.presets import PresetName
from store.imports.problems import FileRefused
from store.imports.records import DELIMITERS, WINDOW, open_records

_MAP_LIMIT: Final = 32 * 1024
_NAME_LIMIT: Final = 200
_NEEDS: Final[dict[What, tuple[str, ...]]] = {
    "contacts": (),
    "groups": ("group",),
    "topics": ("topic",),
    "suppressions": (),
    "events": ("event", "timestamp"),
}
"""The columns that a file of each kind must have."""


class ImportOptions:
    """The options of an import, as the query gives them."""

    def __init__(
        self,
        what: Annotated[What, Query()] = "contacts",
        mode: Annotated[Mode, Query()] = "merge",
        by: Annotated[By, Query()] = "external_id",
        dry_run: bool = False,
        preset: Annotated[PresetName | None, Query()] = None,
        mapping: Annotated[
            str | None,
            Query(
                alias="map",
                max_length=_MAP_LIMIT,
                description='JSON, as in `{"E-mail": "email"}`',
            ),
        ] = None,
        group: Annotated[list[str] | None, Query(max_length=20)] = None,
        empty: Annotated[str, Query(pattern="^(keep|remove)$")] = "keep",
        timezone: Annotated[str | None, Query(max_length=100)] = None,
        source: Annotated[str | None, Query(max_length=64)] = None,
        encoding: Annotated[str | None, Query(max_length=40)] = None,
        delimiter: Annotated[str | None, Query(min_length=1, max_length=4)] = None,
        begin_journeys: bool = False,
        rate: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
        name: Annotated[str, Query(max_length=_NAME_LIMIT)] = "",
    ) -> None:
        self.what: What = what
        self.mode: Mode = mode
        self.by: By = by
        self.dry_run = dry_run
        self.preset: PresetName | None = preset
        self.map = _parse_map(mapping)
        self.groups = tuple(group or ())
        self.empty = empty
        self.timezone = timezone
        self.source = source
        self.encoding = encoding
        self.delimiter = _parse_delimiter(delimiter)
        self.begin_journeys = begin_journeys
        self.rate = rate
        self.name = name
        self._check()

    def _check(self) -> None:
        for group in self.groups:
            flaw = "must be shorter" if len(group) > _NAME_LIMIT else find_id_flaw(group)
            if flaw is not None:
                raise refusal(f"group: {flaw}")
        if self.groups and self.what != "contacts":
            raise refusal("group: is of files of contacts")
        if self.timezone is not None:
            try:
                ZoneInfo(check_timezone(self.timezone))
            except ValueError as error:
                raise refusal(f"timezone: {error}") from None
        if self.source is not None and (
            self.source == ENGINE or find_id_flaw(self.source) is not None
        ):
            raise refusal(f"source: {self.source!r} cannot be one")
        if self.begin_journeys and self.what not in ("contacts", "groups", "topics"):
            raise refusal(f"begin_journeys: {self.what} begin nothing")


def _parse_map(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise refusal(f"map: is not JSON: {error.msg}") from None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise refusal('map: must be JSON such as {"E-mail address": "email"}')
    return found


def _parse_delimiter(text: str | None) -> str | None:
    if text is None:
        return None
    sign = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(sign) != 1 or sign.isalnum() or sign in "\r\n\"'":
        raise refusal(f"delimiter: must be one sign, such as one of {DELIMITERS!r}")
    return sign


UsedOptions = Annotated[ImportOptions, Depends()]


def plan_of(options: ImportOptions, writer: FileWriter, encoding: str, source: str) -> ImportPlan:
    """The plan of the job. Raises FileRefused."""
    opening = open_records(
        writer.first[:WINDOW],
        encoding,
        final=writer.size <= WINDOW,
        delimiter=options.delimiter,
    )
    columns = None
    if opening.columns is None:
        for name, target in options.map.items():
            parse_target(name, target, options.what)
    else:
        columns = tuple(
            map_columns(opening.columns, options.what, given=options.map, preset=options.preset)
        )
        check_columns(columns, options)
    return ImportPlan(
        what=options.what,
        dialect=opening.dialect,
        columns=columns,
        start=opening.place,
        mode=options.mode,
        by=options.by,
        map=options.map,
        preset=options.preset,
        dry_run=options.dry_run,
        empty="remove" if options.empty == "remove" else "keep",
        timezone=options.timezone,
        source=options.source or source,
        begin_journeys=options.begin_journeys,
        groups=options.groups,
        rate=options.rate,
    )


def check_columns(columns: Sequence[Column], options: ImportOptions) -> None:
    """Raises FileRefused if columns are missing that such a file must have."""
    targets = {column.target for column in columns}
    shown = ", ".join(column.name for column in columns[:10]) + (", …" if len(columns) > 10 else "")
    for needed in _NEEDS[options.what]:
        if needed not in targets:
            raise FileRefused(f"map: no column is the {needed}, of: {shown}")
    if options.what == "suppressions":
        if not targets & {"address", "address_hash"}:
            raise FileRefused(f"map: no column is the address, or an address_hash, of: {shown}")
        return
    ids = {"external_id", "parcours_id"} if options.by == "external_id" else {options.by}
    if not targets & ids:
        advice = " (or import `by=email`)" if "email" in targets else ""
        raise FileRefused(
            f"map: no column is the {options.by} of the contacts{advice}, of: {shown}"
        )


def refusal(message: str) -> Problem:
    """The answer to an import that cannot be done as it was asked for."""
    return Problem(422, "invalid_import", message)
