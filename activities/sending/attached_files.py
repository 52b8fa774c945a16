"""The files of a message: read once from PostgreSQL, and kept in memory within a bound."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from mimetypes import guess_type
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from channels.adapter import Attachment, Email
from channels.errors import Code, NotTaken
from journeys.model.attachments import ATTACHMENTS_BYTES, AttachedFile
from store.definitions.files import FileReference, find_files, read_contents
from store.sql import DATABASE_AWAY

_UNKNOWN_TYPE: Final = "application/octet-stream"
_KEPT_BYTES: Final = 64 * 1024 * 1024
"""The most bytes of files that a worker keeps; their encoded form takes a third more."""


class AttachmentMissing(Exception):
    """A file that cannot be attached; the message says which and why."""


class FileCache:
    """Files by content, name and type. The one that was used longest ago is dropped first."""

    def __init__(self, most: int = _KEPT_BYTES) -> None:
        self._most = most
        self._files: OrderedDict[tuple[str, str, str], Attachment] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[str, str, str]) -> Attachment | None:
        """A file that is kept; None if it is not."""
        found = self._files.get(key)
        if found is not None:
            self._files.move_to_end(key)
        return found

    def put(self, key: tuple[str, str, str], file: Attachment) -> None:
        """Keep a file."""
        if key in self._files or len(file.content) > self._most:
            return
        self._files[key] = file
        self._bytes += len(file.content)
        while self._bytes > self._most:
            _, dropped = self._files.popitem(last=False)
            self._bytes -= len(dropped.content)


async def attach(
    email: Email,
    wanted: Sequence[AttachedFile],
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    cache: FileCache | None,
) -> Email:
    """The e-mail with its files. Without a cache they are empty, as in simulations.

    Raises AttachmentMissing, and NotTaken while the database is away.
    """
    if not wanted:
        return email
    if cache is None:
        empty = [Attachment(each.shown_name, _UNKNOWN_TYPE, b"") for each in wanted]
        return replace(email, attachments=empty)
    try:
        async with pool.connection() as conn:
            return replace(email, attachments=await _read(conn, wanted, cache))
    except DATABASE_AWAY:
        raise NotTaken(Code.BUSY, "the database that holds the attachments is away") from None


async def _read(
    conn: AsyncConnection[Any], wanted: Sequence[AttachedFile], cache: FileCache
) -> list[Attachment]:
    references = await find_files(conn, [each.place for each in wanted])
    for each in wanted:
        if each.place not in references:
            raise AttachmentMissing(f"there is no file `{each.place}`")
    size = sum(references[each.place].size for each in wanted)
    if size > ATTACHMENTS_BYTES:
        raise AttachmentMissing(
            f"the attachments have {size} bytes together, and a mail has at most "
            f"{ATTACHMENTS_BYTES}"
        )
    keys = [_key(each, references[each.place]) for each in wanted]
    found = {key: cache.get(key) for key in keys}
    absent = {key[0] for key, file in found.items() if file is None}
    contents = await read_contents(conn, sorted(absent)) if absent else {}
    for key in keys:
        if found[key] is None and key[0] in contents:
            file = Attachment(key[1], key[2], contents[key[0]])
            cache.put(key, file)
            found[key] = file
    attached = [kept for key in keys if (kept := found[key]) is not None]
    if len(attached) < len(keys):
        # It was replaced between the two reads.
        raise NotTaken(Code.BUSY, "an attachment has just been replaced")
    return attached


def _key(wanted: AttachedFile, reference: FileReference) -> tuple[str, str, str]:
    name, kind = wanted.shown_name, reference.content_type
    if kind == _UNKNOWN_TYPE:
        kind = guess_type(name)[0] or kind
    return reference.sha256, name, kind
