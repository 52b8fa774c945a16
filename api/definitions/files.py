"""Routes of files: upload, list and remove what e-mails attach."""

from __future__ import annotations

import re
from mimetypes import guess_type
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel

from api.http.audit import UsedActor
from api.http.bodies import StrictRoute
from api.http.keys import requires
from api.http.paging import Cursor, Limit, page_of
from api.http.problems import Problem, responses, unknown
from api.http.times import Instant
from api.services import UsedServices
from journeys.model.attachments import ATTACHMENTS_BYTES, FILE_NAME
from store.definitions.files import (
    NewFile,
    StoredFile,
    list_files,
    lock_files,
    read_file,
    remove_file,
    upload_file,
    users_of_file,
)
from store.operations.audit import record_audit


class FileRoute(StrictRoute):
    """A route that takes a file."""

    body_limit = ATTACHMENTS_BYTES


router = APIRouter(
    prefix="/v1/files",
    tags=["files"],
    route_class=FileRoute,
    dependencies=[Depends(requires("edit", reading="read"))],
)

Name = Annotated[str, Path(pattern=f"^{FILE_NAME}$", examples=["logo.png"])]

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_UNKNOWN_TYPE = "application/octet-stream"
# What libraries say of a body whose type they do not know.
_SAYS_NOTHING = {"", _UNKNOWN_TYPE, "application/x-www-form-urlencoded", "binary/octet-stream"}


class FileBody(BaseModel):
    """An uploaded file."""

    name: str
    size: int
    """In bytes."""
    content_type: str
    sha256: str
    updated_at: Instant

    @classmethod
    def of(cls, file: StoredFile) -> FileBody:
        """The body for a file of the store."""
        return cls(**vars(file))


class FilePage(BaseModel):
    """Files by name."""

    items: list[FileBody]
    next: str | None


@router.put(
    "/{name}",
    summary="Upload a file that e-mails attach or show",
    responses=responses(400, 413, 415, 422),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {_UNKNOWN_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def put_file(
    name: Name, request: Request, services: UsedServices, actor: UsedActor
) -> FileBody:
    """Keep the body under the name, in the place of an earlier file. It counts at once.

    Its type is that of the request, else it follows from the name.
    """
    content = await request.body()
    if not content:
        raise Problem(400, "empty", "the file is empty")
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared in _SAYS_NOTHING or not _TYPE.fullmatch(declared):
        declared = guess_type(name)[0] or _UNKNOWN_TYPE
    async with services.pool.connection() as conn, conn.transaction():
        await lock_files(conn)
        before = await read_file(conn, name)
        stored = await upload_file(conn, name, NewFile(content, declared))
        await record_audit(
            conn,
            actor,
            "file.upload",
            f"file:{name}",
            before=None if before is None else {"sha256": before.sha256, "size": before.size},
            after={"sha256": stored.sha256, "size": stored.size},
        )
    return FileBody.of(stored)


@router.get("/{name}", summary="Read about a file", responses=responses(404, 422))
async def get_file(name: Name, services: UsedServices) -> FileBody:
    """Size, type and hash of a file."""
    async with services.pool.connection() as conn:
        found = await read_file(conn, name)
    if found is None:
        raise unknown("file", name)
    return FileBody.of(found)


@router.get("", summary="List files", responses=responses())
async def get_files(services: UsedServices, cursor: Cursor = "", limit: Limit = 100) -> FilePage:
    """Uploaded files by name."""
    async with services.pool.connection() as conn:
        found = await list_files(conn, cursor, limit + 1)
    page, following = page_of(found, limit, lambda each: each.name)
    return FilePage(items=[FileBody.of(each) for each in page], next=following)


@router.delete(
    "/{name}", status_code=204, summary="Remove a file", responses=responses(404, 409, 422)
)
async def delete_file(name: Name, services: UsedServices, actor: UsedActor) -> Response:
    """Remove a file that no document attaches."""
    async with services.pool.connection() as conn, conn.transaction():
        await lock_files(conn)
        users = await users_of_file(conn, name)
        if users:
            raise Problem(409, "in_use", f"the file {name} is attached by {', '.join(users)}")
        before = await read_file(conn, name)
        if before is None or not await remove_file(conn, name):
            raise unknown("file", name)
        was = {"sha256": before.sha256, "size": before.size}
        await record_audit(conn, actor, "file.remove", f"file:{name}", before=was)
    return Response(status_code=204)
