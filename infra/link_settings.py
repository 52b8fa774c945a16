"""Settings of links: where readers reach them, what signs them, and where requests wait."""

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from infra.setting_types import Secrets
from journeys.links.message_urls import MessageLinks
from journeys.links.networks import SCANNERS
from journeys.links.tokens import LinkKeys
from journeys.links.visits import Sites

_LONGEST_PUBLIC_URL = 200
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f<>\"'`\\{}|^]")


class LinkSettings(BaseSettings):
    """The part of the settings that is about links and pages."""

    public_url: str | None = None
    """`PARCOURS_PUBLIC_URL`: where readers reach links and pages, `https://host`."""

    link_keys: Secrets = ()
    """`PARCOURS_LINK_KEYS`: keys that sign links, `NEW,OLD…`; the old ones still verify."""

    spool: Path = Path(".parcours/spool")
    """`PARCOURS_SPOOL`: the directory of requests for links that are not in the database yet."""

    spool_bytes: int = Field(default=256 * 1024 * 1024, ge=1024 * 1024)
    """`PARCOURS_SPOOL_BYTES`: bytes of that directory; what comes beyond them is dropped."""

    scanners: Path = SCANNERS
    """`PARCOURS_SCANNERS`: the file of networks whose requests for links are a machine's."""

    sites: Annotated[tuple[str, ...], NoDecode] = ()
    """`PARCOURS_SITES`: hosts of our own sites, which know by which message a reader came."""

    @field_validator("sites", mode="before")
    @classmethod
    def _split_sites(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("sites")
    @classmethod
    def _require_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Sites(value)
        return value

    @field_validator("link_keys")
    @classmethod
    def _require_link_keys(cls, value: Secrets) -> Secrets:
        if value:
            LinkKeys([key.get_secret_value() for key in value])
        return value

    @field_validator("public_url")
    @classmethod
    def _require_public_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        value = value.strip().rstrip("/")
        parts = urlsplit(value)
        wrong = parts.query or parts.fragment or "@" in parts.netloc or not value.isascii()
        if parts.scheme not in ("http", "https") or not parts.hostname or wrong:
            raise ValueError("must be https://host, with a path or without")
        if len(value) > _LONGEST_PUBLIC_URL or _NOT_IN_URLS.search(value):
            raise ValueError(f"must be a URL of at most {_LONGEST_PUBLIC_URL} characters")
        return value

    @model_validator(mode="after")
    def _require_both_of_links(self) -> Self:
        if (self.public_url is None) != (not self.link_keys):
            raise ValueError("PARCOURS_PUBLIC_URL and PARCOURS_LINK_KEYS go together: set both")
        if self.sites and not self.link_keys:
            raise ValueError("PARCOURS_SITES needs PARCOURS_LINK_KEYS, which sign visits")
        return self

    @property
    def links(self) -> MessageLinks | None:
        """What the URLs of messages are made of; None without a public URL."""
        if self.public_url is None:
            return None
        keys = LinkKeys([key.get_secret_value() for key in self.link_keys])
        return MessageLinks(self.public_url, keys)
