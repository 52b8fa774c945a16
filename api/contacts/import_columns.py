"""The route that reads the columns of a file, before it is imported."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from api.contacts.import_options import ImportOptions, UsedOptions, check_columns, refusal
from api.contacts.import_reports import ColumnBody
from api.contacts.imports import FILE_BODY, check_media_type
from api.coupons.code_files import unpacked
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.problems import Problem, responses
from store.imports.encodings import EncodingFinder
from store.imports.mapping import FIXED, Column, map_columns, map_key
from store.imports.problems import FileRefused
from store.imports.records import WINDOW, open_records, read_records

router = APIRouter(
    prefix="/v1/contacts/import",
    tags=["contacts"],
    route_class=StrictRoute,
    dependencies=[Depends(requires("operate"))],
)

_RECORDS: Final = 100
"""Lines that are looked at."""
_EXAMPLES: Final = 3
_LONGEST: Final = 60
"""Characters of an example."""


class SampledColumn(ColumnBody):
    """A column, what would be done with it, and values that it has."""

    examples: list[str]


class ImportColumns(BaseModel):
    """How a file is read, and what an import would do with its columns."""

    format: str
    encoding: str
    delimiter: str | None
    """Of CSV."""
    columns: list[SampledColumn]
    """Of JSON Lines, the keys of the first lines."""
    targets: list[str]
    """What a column may go to, beside attributes, properties and `topics.KEY`."""
    preset_verified: bool
    """False: the preset was made from public knowledge, and not tried on an export."""
    problem: str | None
    """Why the file cannot be imported so; null if it can."""


@router.post(
    "/columns",
    summary="Read the columns of a file",
    responses=responses(400, 413, 415, 422),
    openapi_extra=FILE_BODY,
)
async def read_columns(
    request: Request,
    options: UsedOptions,
    cut: Annotated[bool, Query(description="The body is the beginning of a longer file.")] = False,
) -> ImportColumns:
    """Say what an import would do with each column of a file, with values as examples.

    The body is the file, or its beginning: at most 1 MB. Nothing is saved. The options are those of
    an import; what it would refuse for its columns is said in `problem`.
    """
    check_media_type(request)
    body = bytearray()
    async for block in unpacked(request):
        body += block
        if len(body) > WINDOW:
            raise Problem(413, "oversize", f"send at most the first {WINDOW:,} bytes of the file")
    return await asyncio.to_thread(_columns, bytes(body), options, cut)


def _columns(body: bytes, options: ImportOptions, cut: bool) -> ImportColumns:
    try:
        finder = EncodingFinder(options.encoding)
        text = finder.take(body, final=not cut)
        opening = open_records(text, finder.encoding, final=True, delimiter=options.delimiter)
        read, _ = read_records(
            text[opening.place.at :], opening.dialect, opening.place, final=True, limit=_RECORDS
        )
        if cut and len(read) < _RECORDS:
            # The last line is cut as well.
            read = read[:-1]
        records = [record for _, record in read]
        if opening.columns is None:
            mapped, values = _keys(records, options)
        else:
            mapped = map_columns(
                opening.columns, options.what, given=options.map, preset=options.preset
            )
            values = {
                column.name: [record[place] for record in records
                              if isinstance(record, list) and place < len(record)]
                for place, column in enumerate(mapped)
            }  # fmt: skip
        problem = _problem(mapped, options)
    except FileRefused as refused:
        raise refusal(str(refused)) from None
    return ImportColumns(
        format=opening.dialect.format,
        encoding=finder.name,
        delimiter=opening.dialect.delimiter if opening.dialect.format == "csv" else None,
        columns=[
            SampledColumn(
                name=each.name,
                target=each.target,
                type=each.type,
                how=each.how,
                examples=list(_examples(values.get(each.name, []))),
            )
            for each in mapped
        ],
        targets=list(FIXED[options.what]),
        preset_verified=options.preset is None,
        problem=problem,
    )


def _keys(
    records: Sequence[Any], options: ImportOptions
) -> tuple[list[Column], dict[str, list[Any]]]:
    values: dict[str, list[Any]] = {}
    for record in records:
        if isinstance(record, dict):
            for key, value in record.items():
                values.setdefault(key, []).append(value)
    return [
        map_key(key, options.what, given=options.map, preset=options.preset) for key in values
    ], values


def _problem(mapped: Sequence[Column], options: ImportOptions) -> str | None:
    try:
        check_columns(mapped, options)
    except FileRefused as refused:
        return str(refused)
    return None


def _examples(values: Sequence[Any]) -> Iterator[str]:
    shown: set[str] = set()
    for value in values:
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        text = text.strip()
        if text in ("", "null") or text in shown:
            continue
        shown.add(text)
        yield text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        if len(shown) == _EXAMPLES:
            return
