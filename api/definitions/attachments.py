"""Attachments of documents that are saved: fetched from their URLs, and bounded together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from api.http.problems import Problem
from api.services import Services
from channels.email.remote_files import FetchFailed, RemoteFile
from journeys.model.attachments import ATTACHMENTS_BYTES, attachment_lists
from store.definitions.files import (
    FileReference,
    NewFile,
    find_files,
    keep_fetched_file,
    lock_files,
    remove_unused_files,
)

_MOST_URLS = 100
"""URLs of one request."""
_SECONDS = 20.0
"""For the files of one request together."""


@dataclass(frozen=True)
class FetchedFiles:
    """The files of some documents: those that were fetched, and every list of attachments."""

    files: Mapping[str, RemoteFile]
    lists: Sequence[list[dict[str, Any]]]


async def fetch_files(services: Services, contents: Sequence[Mapping[str, Any]]) -> FetchedFiles:
    """Fetch the files at the URLs of documents, before anything is locked.

    A file that was fetched before and cannot be fetched now stays as it was. Raises Problem 422 for
    one that was never fetched.
    """
    lists = [files for content in contents for files in attachment_lists(content)]
    urls = sorted({each["url"] for files in lists for each in files if "url" in each})
    if not urls:
        return FetchedFiles({}, lists)
    if len(urls) > _MOST_URLS:
        raise _refused(f"the documents have more than {_MOST_URLS} URLs of attachments")
    tasks = {url: asyncio.create_task(services.remote_files.fetch(url)) for url in urls}
    await asyncio.wait(tasks.values(), timeout=_SECONDS)
    fetched: dict[str, RemoteFile] = {}
    failed: dict[str, str] = {}
    for url, task in tasks.items():
        if not task.done():
            task.cancel()
            failed[url] = f"it did not come within {_SECONDS:g} s"
            continue
        try:
            fetched[url] = task.result()
        except FetchFailed as error:
            failed[url] = str(error)
    if failed:
        async with services.pool.connection() as conn:
            kept = await find_files(conn, list(failed))
        for url, reason in failed.items():
            if url not in kept:
                raise _refused(f"the attachment {url} cannot be fetched: {reason}")
    return FetchedFiles(fetched, lists)


async def keep_files(conn: AsyncConnection[Any], fetched: FetchedFiles) -> None:
    """Keep fetched files. Raises Problem 422 if those of a mail are too large together."""
    if not fetched.lists:
        return
    if fetched.files:
        await lock_files(conn)
        for url, file in fetched.files.items():
            await keep_fetched_file(conn, url, NewFile(file.content, file.content_type))
        await remove_unused_files(conn)
    places = {_place(each) for files in fetched.lists for each in files}
    known = await find_files(conn, sorted(places))
    for files in fetched.lists:
        _check_size(files, known)


def _check_size(files: Sequence[Mapping[str, Any]], known: Mapping[str, FileReference]) -> None:
    sizes = [known[place].size for each in files if (place := _place(each)) in known]
    if sum(sizes) > ATTACHMENTS_BYTES:
        names = ", ".join(_place(each) for each in files)
        raise _refused(
            f"the attachments {names} have {sum(sizes)} bytes together, and a mail has at most "
            f"{ATTACHMENTS_BYTES}"
        )


def _place(file: Mapping[str, Any]) -> str:
    return str(file.get("url") or file.get("file"))


def _refused(message: str) -> Problem:
    return Problem(422, "invalid_document", message)
