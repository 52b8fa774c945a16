"""Files of e-mails: kept once by their hash, uploaded under a name or fetched from a URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from store.sql import (
    Connection,
    execute,
    fetch_all,
    fetch_all_as,
    fetch_column,
    fetch_one_as,
    sql,
)


@dataclass(frozen=True)
class StoredFile:
    """An uploaded file, without its content."""

    name: str
    size: int
    content_type: str
    sha256: str
    updated_at: datetime


@dataclass(frozen=True)
class NewFile:
    """A file to be kept."""

    content: bytes
    content_type: str

    @property
    def sha256(self) -> str:
        """The hash of the content, in hexadecimal."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True)
class FileReference:
    """What a name or URL stands for at the moment."""

    place: str
    sha256: str
    content_type: str
    size: int


# Writers take turns, so that no content is removed between its finding and its use.
_LOCK = sql("select pg_advisory_xact_lock(hashtext('parcours.files'))")
_KEEP = sql("""
insert into file_content (sha256, content, size) values (%(sha256)s, %(content)s, %(size)s)
on conflict (sha256) do nothing
""")
_UPLOAD = sql("""
insert into uploaded_file (name, sha256, content_type)
values (%(name)s, %(sha256)s, %(content_type)s)
on conflict (name) do update
set sha256 = excluded.sha256, content_type = excluded.content_type, updated_at = parcours.clock()
""")
_FETCHED = sql("""
insert into fetched_file (url, sha256, content_type)
values (%(name)s, %(sha256)s, %(content_type)s)
on conflict (url) do update
set sha256 = excluded.sha256, content_type = excluded.content_type, fetched_at = parcours.clock()
""")
# The versions of journeys that new or active runs use, and all other documents.
_LIVE = sql("""
select 'journey ' || j.key || ' v' || v.version as name, v.document
from journey j join journey_version v on v.journey = j.key
where v.version = j.active_version
   or v.version = (select max(n.version) from journey_version n where n.journey = j.key)
   or exists (select from run r where r.journey = j.key and r.version = v.version
              and r.state = 'active')
union all
select kind || ' ' || key, document from document
""")
_FORGET_FETCHED = sql(
    """
with live as ({live}), used as (
    select jsonb_path_query(document, '$.**.attachments[*].url') #>> '{}' as url from live
)
delete from fetched_file
where fetched_at < parcours.clock() - interval '30 days' and url not in (select url from used)
""",
    live=_LIVE,
)
_REMOVE_UNUSED = sql("""
delete from file_content c
where not exists (select from uploaded_file u where u.sha256 = c.sha256)
  and not exists (select from fetched_file f where f.sha256 = c.sha256)
""")
_REMOVE = sql("delete from uploaded_file where name = %(name)s")
_FILES = sql("""
select u.name, c.size, u.content_type, u.sha256, u.updated_at
from uploaded_file u join file_content c using (sha256)
""")
_READ = sql("{files} where u.name = %(name)s", files=_FILES)
_LIST = sql("{files} where u.name > %(after)s order by u.name limit %(limit)s", files=_FILES)
_REFERENCES = sql("""
select u.name, u.sha256, u.content_type, c.size
from uploaded_file u join file_content c using (sha256) where u.name = any(%(places)s)
union all
select f.url, f.sha256, f.content_type, c.size
from fetched_file f join file_content c using (sha256) where f.url = any(%(places)s)
""")
_CONTENTS = sql("select sha256, content from file_content where sha256 = any(%(hashes)s)")
_USERS = sql(
    """
with live as ({live})
select name from live
where jsonb_path_exists(document, '$.**.attachments[*] ? (@.file == $name)',
                        jsonb_build_object('name', %(name)s::text))
order by name limit 5
""",
    live=_LIVE,
)


async def lock_files(conn: Connection) -> None:
    """Take turns with other writers of files, until the transaction ends."""
    await execute(conn, _LOCK)


async def upload_file(conn: Connection, name: str, file: NewFile) -> StoredFile:
    """Keep a file under a name, in the place of an earlier one. The caller has locked files."""
    await _keep(conn, file)
    await execute(
        conn,
        _UPLOAD,
        {"name": name, "sha256": file.sha256, "content_type": file.content_type},
    )
    await execute(conn, _REMOVE_UNUSED)
    stored = await read_file(conn, name)
    assert stored is not None
    return stored


async def keep_fetched_file(conn: Connection, url: str, file: NewFile) -> None:
    """Keep what a URL has shown. The caller has locked files."""
    await _keep(conn, file)
    await execute(
        conn,
        _FETCHED,
        {"name": url, "sha256": file.sha256, "content_type": file.content_type},
    )


async def _keep(conn: Connection, file: NewFile) -> None:
    await execute(
        conn,
        _KEEP,
        {"sha256": file.sha256, "content": file.content, "size": len(file.content)},
    )


async def remove_unused_files(conn: Connection) -> None:
    """Remove what no document fetches any more after 30 days, and contents without a name or URL.

    The caller has locked files.
    """
    await execute(conn, _FORGET_FETCHED)
    await execute(conn, _REMOVE_UNUSED)


async def remove_file(conn: Connection, name: str) -> bool:
    """Remove an uploaded file; False if there is none. The caller has locked files."""
    removed = await execute(conn, _REMOVE, {"name": name})
    await execute(conn, _REMOVE_UNUSED)
    return removed > 0


async def read_file(conn: Connection, name: str) -> StoredFile | None:
    """An uploaded file; None if there is none."""
    return await fetch_one_as(conn, StoredFile, _READ, {"name": name})


async def list_files(conn: Connection, after: str, limit: int) -> list[StoredFile]:
    """Uploaded files by name, from the first name after `after` on."""
    return await fetch_all_as(conn, StoredFile, _LIST, {"after": after, "limit": limit})


async def users_of_file(conn: Connection, name: str) -> list[str]:
    """The first documents that attach an uploaded file, and that new or active runs use."""
    return await fetch_column(conn, _USERS, {"name": name})


async def find_files(conn: Connection, places: Sequence[str]) -> dict[str, FileReference]:
    """What names of files and URLs stand for; those that are not known are left out."""
    rows = await fetch_all(conn, _REFERENCES, {"places": list(places)})
    return {row[0]: FileReference(*row) for row in rows}


async def read_contents(conn: Connection, hashes: Sequence[str]) -> dict[str, bytes]:
    """Contents by hash."""
    return dict(await fetch_all(conn, _CONTENTS, {"hashes": list(hashes)}))
