"""Attachments of e-mails: uploaded files, and files at URLs that are fetched when saved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, Field, model_validator

from journeys.model.values import DocumentModel, Text

ATTACHMENTS_BYTES: Final = 10 * 1024 * 1024
"""The most bytes of all files of one mail: many mail servers take no more, encoded."""
ATTACHMENTS_COUNT: Final = 20
FILE_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""The name of an uploaded file."""
_URL_LENGTH = 2_000
_SHOWN = re.compile(r"[^\x00-\x1f\x7f-\x9f/\\\u2028\u2029\ud800-\udfff]{1,100}")
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\\<>\"{}|^`]")


def _file_name(text: str) -> str:
    if re.fullmatch(FILE_NAME, text):
        return text
    raise ValueError(
        f"`{text}` is no name of a file; write letters, digits, `.`, `_` and `-`, at most 100"
    )


def _shown_name(text: str) -> str:
    if _SHOWN.fullmatch(text) and text.strip() == text:
        return text
    raise ValueError("a name is 1 to 100 characters in one line, without `/` and `\\`")


def _url(text: str) -> str:
    if "{{" in text or "{%" in text:
        raise ValueError(
            "the URL of an attachment is no template: it is fetched once, when the document is "
            "saved, and is the same for everyone"
        )
    parts = split_url(text)
    if parts is None:
        raise ValueError(f"`{text[:100]}` is no URL of a file; write https://host/path/name.pdf")
    return text


def split_url(text: str) -> SplitResult | None:
    """The parts of an absolute `http` or `https` URL without user and fragment; None if it is not.

    A path that climbs (`..`) is refused, also where it is encoded.
    """
    if len(text) > _URL_LENGTH or not text.isascii() or _NOT_IN_URLS.search(text):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.fragment or port == 0:
        return None
    climbs = any(segment in (".", "..") for segment in unquote(parts.path).split("/"))
    if "@" in parts.netloc or climbs or "\\" in unquote(parts.path):
        return None
    return parts


def is_within(url: str, sources: Sequence[str]) -> bool:
    """Whether a URL lies under one of the URLs `sources`: the same host and port, in its folder."""
    parts = split_url(url)
    if parts is None:
        return False
    for source in sources:
        folder = split_url(source)
        if folder is None or (_origin(parts) != _origin(folder)):
            continue
        if parts.path.startswith(folder.path.rstrip("/") + "/"):
            return True
    return False


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


FileName = Annotated[
    Text, AfterValidator(_file_name), Field(json_schema_extra={"pattern": f"^{FILE_NAME}$"})
]
ShownName = Annotated[Text, AfterValidator(_shown_name)]
FileUrl = Annotated[Text, AfterValidator(_url)]


class AttachedFile(DocumentModel):
    """A file of an e-mail: uploaded, or at a URL.

    Where the HTML says `cid:NAME`, it is shown there. Otherwise it is attached.
    """

    file: FileName | None = None
    url: FileUrl | None = None
    name: ShownName | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise ValueError("an attachment needs either `file` or `url`")
        if not _SHOWN.fullmatch(self.shown_name):
            raise ValueError("the URL does not end with the name of a file; give it a `name`")
        return self

    @property
    def shown_name(self) -> str:
        """The name that the reader sees, and that `cid:` refers to."""
        if self.name is not None or self.file is not None:
            return self.name or self.file or ""
        return unquote(urlsplit(self.url or "").path.rpartition("/")[2])

    @property
    def place(self) -> str:
        """Where its content comes from: the URL, or the name of the file."""
        return self.url or self.file or ""


def _distinct(files: list[AttachedFile]) -> list[AttachedFile]:
    if len(files) > ATTACHMENTS_COUNT:
        raise ValueError(f"a mail has at most {ATTACHMENTS_COUNT} attachments")
    seen: set[str] = set()
    for each in files:
        if each.shown_name in seen:
            raise ValueError(f"two attachments are called `{each.shown_name}`; give one a `name`")
        seen.add(each.shown_name)
    return files


Attachments = Annotated[list[AttachedFile], AfterValidator(_distinct)]


def attachment_lists(content: Any) -> Iterator[list[dict[str, Any]]]:
    """Every list of attachments in a document's JSON."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "attachments" and isinstance(value, list):
                yield [each for each in value if isinstance(each, dict)]
            else:
                yield from attachment_lists(value)
    elif isinstance(content, list):
        for value in content:
            yield from attachment_lists(value)
