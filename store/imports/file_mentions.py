"""Files of imports and exports that mention an erased contact: found part by part, and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from store.imports.files import delete_file, read_chunks
from store.sql import Connection, execute, fetch_one_as, sql

_PARTS: Final = 16
"""Parts of a file that are read at once."""
_AROUND: Final = b"\"'(),;|\t\r\n "
"""What stands around an id in a file, if it is not a part of another word."""

# A file may be there before its job.
_NEXT = sql("""
select next.id, case when j.id is null then true else j.state = 'running' end as in_use
from (
    (select job_id as id from job_file where job_id > %(after)s order by job_id limit 1)
    union all
    (select id from job where kind in ('import', 'undo', 'export') and id > %(after)s
     order by id limit 1)
    order by id limit 1
) next left join job j on j.id = next.id
""")
_FORGET_NAME = sql("""
update job_file set name = 'a file' where job_id = %(job)s and exists (
    select from unnest(%(words)s::text[]) w(word) where strpos(lower(name), w.word) > 0)
""")
# What an import says of refused lines may quote them.
_FORGET_REASONS = sql("""
update job set result = result - 'reasons', subject = case when exists (
    select from unnest(%(words)s::text[]) w(word) where strpos(lower(subject), w.word) > 0
) then 'a file' else subject end
where id = %(job)s and state <> 'running' and exists (
    select from unnest(%(words)s::text[]) w(word)
    where strpos(lower(subject || ' ' || coalesce(result::text, '')), w.word) > 0)
""")


@dataclass(frozen=True, slots=True)
class _File:
    id: UUID
    in_use: bool
    """Whether its job is at work, or to come."""


@dataclass(frozen=True, slots=True)
class SearchedFile:
    """A file that was searched from end to end."""

    id: UUID
    removed: bool
    in_use: bool
    """It mentions the contact and is in use, so it is to be searched again later."""


async def search_next_file(
    conn: Connection, words: Sequence[str], after: UUID
) -> SearchedFile | None:
    """Search the next job with a file after a job's id, and delete the file if it has a word.

    What is said of the file is forgotten where it has a word itself. A file whose job is at work
    stays until that has ended. None: there is no further one.
    """
    file = await fetch_one_as(conn, _File, _NEXT, {"after": after})
    if file is None:
        return None
    found = await _mentions(conn, file.id, words)
    if found and file.in_use:
        return SearchedFile(file.id, removed=False, in_use=True)
    about = {"job": file.id, "words": list(words)}
    await execute(conn, _FORGET_NAME, about)
    await execute(conn, _FORGET_REASONS, about)
    if found:
        await delete_file(conn, file.id)
    return SearchedFile(file.id, removed=found, in_use=False)


async def _mentions(conn: Connection, job_id: UUID, words: Sequence[str]) -> bool:
    wanted = [each for each in (_bare(word) for word in words) if each[0]]
    # A word may begin in one part and end in the next.
    overlap = max((len(word) for word, _ in wanted), default=0) + 1
    first, rest = 0, b""
    while True:
        parts = await read_chunks(conn, job_id, first, first + _PARTS - 1)
        text = b"".join((rest, *parts))
        if await asyncio.to_thread(_has_one, text.lower(), wanted):
            return True
        if len(parts) < _PARTS:
            return False
        first, rest = first + _PARTS, text[-overlap:]


def _bare(word: str) -> tuple[bytes, bool]:
    """A word as a file has it, and whether it counts only by itself: it was quoted."""
    quoted = len(word) > 2 and word[0] in "\"'(" and word[-1] in "\"')"
    return (word[1:-1] if quoted else word).encode("utf-8", "replace"), quoted


def _has_one(text: bytes, words: Sequence[tuple[bytes, bool]]) -> bool:
    return any(_has(text, word, alone=alone) for word, alone in words)


def _has(text: bytes, word: bytes, *, alone: bool) -> bool:
    at = text.find(word)
    while at >= 0:
        if not alone:
            return True
        end = at + len(word)
        before, after = text[at - 1 : at] if at else b"\n", text[end : end + 1] or b"\n"
        if before in _AROUND and after in _AROUND:
            return True
        at = text.find(word, at + 1)
    return False
