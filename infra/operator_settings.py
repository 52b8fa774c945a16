"""Settings of what operators look at: the build of a process, Temporal's UI, traces."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import field_validator
from pydantic_settings import BaseSettings

_BUILD = re.compile(r"[A-Za-z0-9._+-]{1,64}")


class OperatorSettings(BaseSettings):
    """The part of the settings that is about operators."""

    build: str | None = None
    """`PARCOURS_BUILD`: the name of this build; by default its version and a hash of its code."""

    temporal_ui: str | None = None
    """`PARCOURS_TEMPORAL_UI`: where operators reach Temporal's UI, `https://host`."""

    @field_validator("build")
    @classmethod
    def _require_build(cls, value: str | None) -> str | None:
        if value is not None and not _BUILD.fullmatch(value):
            raise ValueError("must be up to 64 letters, digits, dots, hyphens, + and _")
        return value

    @field_validator("temporal_ui")
    @classmethod
    def _require_address_of_ui(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError("must be https://host, with a path or without")
        return value.strip().rstrip("/")
