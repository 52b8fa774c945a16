"""Tables of links in messages: the requests for them, and the short ones of text messages."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from store.tables.columns import id_column, text_column, time_column


class LinkHit(SQLModel, table=True):
    """One request for a link, an image or a page of a message; no address, and no agent."""

    __tablename__ = "link_hit"
    __table_args__ = (
        Index("link_hit_by_message", "message_id"),
        Index("link_hit_by_time", "received_at"),
        Index(
            "link_hit_unjudged",
            "message_id", "received_at",
            postgresql_where=text("judged_at is null"),
        ),
    )  # fmt: skip
    id: UUID = Field(sa_column=id_column(key=True))
    message_id: UUID = Field(sa_column=id_column())
    kind: str = Field(sa_column=text_column())
    url: str | None = Field(sa_column=text_column(null=True))
    """The author's URL of a click."""
    client: str = Field(sa_column=text_column())
    """A pseudonym of its address and agent."""
    signs: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    """What the request said of its client."""
    happened_at: datetime = Field(sa_column=time_column())
    received_at: datetime = Field(sa_column=time_column())
    """When it came here from the spool."""
    judged_at: datetime | None = Field(sa_column=time_column(null=True))
    by: str | None = Field(sa_column=text_column(null=True))
    """`human`, `machine` or `unknown`."""
    reasons: list[str] | None = Field(sa_column=Column(ARRAY(Text), nullable=True))


class ShortLink(SQLModel, table=True):
    """A link of a text message."""

    __tablename__ = "short_link"
    __table_args__ = (Index("short_link_by_message", "message_id"),)
    code: str = Field(sa_column=text_column(key=True))
    message_id: UUID = Field(sa_column=id_column())
    target: str = Field(sa_column=text_column())
    """The author's URL and, after a space, the campaign parameters that are added to it."""
    made_at: datetime = Field(sa_column=time_column())
