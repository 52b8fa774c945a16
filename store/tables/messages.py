"""Tables of messages and of coupons."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from store.tables.columns import (
    flag_column,
    id_column,
    in_values,
    int_column,
    json_column,
    text_column,
    time_column,
)

MessageState = Literal["claimed", "sent", "refused", "released", "unknown"]
POSSIBLY_SENT: Final[tuple[MessageState, ...]] = ("claimed", "sent", "unknown")
"""The states of messages that went out or may have: frequency caps count them."""


class Message(SQLModel, table=True):
    """One e-mail, SMS or webhook call of one visit."""

    __tablename__ = "message"
    __table_args__ = (
        CheckConstraint(in_values("state", get_args(MessageState)), name="message_state_is"),
        UniqueConstraint("run_id", "visit", name="message_of_visit"),
        Index("message_by_contact", "contact_id", "step"),
        Index(
            "message_trouble",
            "state", "settled_at",
            postgresql_where=text("state in ('refused', 'released', 'unknown')"),
        ),
        Index("message_unsettled", "claimed_at", postgresql_where=text("state = 'claimed'")),
        Index(
            "message_by_provider",
            "provider_id", "provider",
            postgresql_where=text("provider_id is not null"),
        ),
        Index(
            "message_soft_bounced",
            "channel", text("lower(address)"), "first_attempt_at",
            postgresql_where=text("soft_bounced_at is not null"),
        ),
        Index(
            "message_of_marketing",
            "channel", "claimed_at",
            postgresql_where=text("class = 'marketing' and state = 'sent'"),
        ),
        Index(
            "message_counted",
            "contact_id", "claimed_at",
            postgresql_where=text(f"not transactional and {in_values('state', POSSIBLY_SENT)}"),
        ),
    )  # fmt: skip
    id: UUID = Field(sa_column=id_column(key=True))
    run_id: UUID = Field(sa_column=id_column())
    visit: int = Field(sa_column=int_column())
    step: str = Field(sa_column=text_column())
    contact_id: UUID = Field(sa_column=id_column())
    channel: str = Field(sa_column=text_column())
    topic: str | None = Field(sa_column=text_column(null=True))
    transactional: bool = Field(sa_column=flag_column())
    """Not counted by frequency caps: owed to the contact, or a webhook call."""
    class_: str = Field(sa_column=Column("class", Text, nullable=False, server_default="marketing"))
    """`marketing` or `service`."""
    state: str = Field(sa_column=text_column())
    token: str = Field(sa_column=text_column())
    """The attempt that has the claim."""
    attempts: int = Field(sa_column=int_column(default=1))
    first_attempt_at: datetime = Field(sa_column=time_column())
    claimed_at: datetime = Field(sa_column=time_column())
    settled_at: datetime | None = Field(sa_column=time_column(null=True))
    provider: str | None = Field(sa_column=text_column(null=True))
    """Of the latest attempt; None if it was made before providers were recorded."""
    not_taken: int = Field(sa_column=int_column(default=0))
    """Earlier attempts that a provider certainly did not take, for reasons of its own."""
    possibly_taken: bool = Field(sa_column=flag_column())
    """A provider may have taken an earlier attempt, so no other one is asked."""
    provider_id: str | None = Field(sa_column=text_column(null=True))
    code: str | None = Field(sa_column=text_column(null=True))
    detail: str | None = Field(sa_column=text_column(null=True))
    """The provider's text. It may contain an address, so Temporal must not see it."""
    delivered_at: datetime | None = Field(sa_column=time_column(null=True))
    opened_at: datetime | None = Field(sa_column=time_column(null=True))
    clicked_at: datetime | None = Field(sa_column=time_column(null=True))
    bounced_at: datetime | None = Field(sa_column=time_column(null=True))
    replied_at: datetime | None = Field(sa_column=time_column(null=True))
    unsubscribed_at: datetime | None = Field(sa_column=time_column(null=True))
    """When its reader left its topic or channel by it; None again if that was undone."""
    complained_at: datetime | None = Field(sa_column=time_column(null=True))
    soft_bounced_at: datetime | None = Field(sa_column=time_column(null=True))
    """Its first soft bounce for a reason of the address, none of the message."""
    address: str | None = Field(sa_column=text_column(null=True))
    """The address that it went to."""
    content: str | None = Field(sa_column=text_column(null=True))
    """The hash of the content that its last attempt was made of."""
    locale: str | None = Field(sa_column=text_column(null=True))
    """The locale of the template that was chosen; None: the template itself."""
    version: int | None = Field(sa_column=int_column(null=True))
    """The version that the run had, if it was moved since; None: the run's."""


TestMessageState = Literal["queued", "claimed", "sent", "failed", "unknown"]


class TestMessage(SQLModel, table=True):
    """A message of a template that somebody sent to look at it. It is of no run."""

    __tablename__ = "test_message"
    __table_args__ = (
        CheckConstraint(
            in_values("state", get_args(TestMessageState)), name="test_message_state_is"
        ),
        Index("test_message_by_contact", "contact_id"),
    )
    __test__ = False
    id: UUID = Field(sa_column=id_column(key=True))
    template: str = Field(sa_column=text_column())
    channel: str = Field(sa_column=text_column())
    recipient: str | None = Field(sa_column=text_column(null=True))
    """Forgotten once the message is settled, and so are the variables."""
    contact_id: UUID | None = Field(sa_column=id_column(null=True, to="contact.id"))
    """Whose attributes it prints."""
    variables: dict[str, Any] | None = Field(sa_column=json_column(null=True))
    locale: str | None = Field(sa_column=text_column(null=True))
    content: str | None = Field(sa_column=text_column(null=True))
    state: str = Field(sa_column=text_column(default="queued"))
    code: str | None = Field(sa_column=text_column(null=True))
    detail: str | None = Field(sa_column=text_column(null=True))
    provider_id: str | None = Field(sa_column=text_column(null=True))
    created_at: datetime = Field(sa_column=time_column())
    settled_at: datetime | None = Field(sa_column=time_column(null=True))


class TextAnswer(SQLModel, table=True):
    """An answer to a keyword in a text message that no worker has taken yet."""

    __tablename__ = "text_answer"
    id: UUID = Field(sa_column=id_column(key=True))
    phone: str = Field(sa_column=text_column())
    keyword: str = Field(sa_column=text_column())
    asked_at: datetime = Field(sa_column=time_column())


class MessageAttempt(SQLModel, table=True):
    """Earlier attempts at a message with one provider and one code; the latest is in `message`."""

    __tablename__ = "message_attempt"
    __table_args__ = (PrimaryKeyConstraint("message_id", "provider", "code"),)
    message_id: UUID = Field(sa_column=id_column(to="message.id"))
    provider: str = Field(sa_column=text_column())
    """Empty if it was not recorded."""
    code: str = Field(sa_column=text_column())
    state: str = Field(sa_column=text_column())
    """`released` or `unknown`."""
    attempts: int = Field(sa_column=int_column(default=1))
    first_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    last_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class KeptContent(SQLModel, table=True):
    """What a message said, as it was handed to its provider; packed, and kept for a set time.

    Its key holds the time, so that the table may be partitioned by it.
    """

    __tablename__ = "kept_content"
    __table_args__ = (
        PrimaryKeyConstraint("message_id", "kept_at"),
        Index("kept_content_by_time", "kept_at"),
    )
    message_id: UUID = Field(sa_column=id_column())
    kept_at: datetime = Field(sa_column=time_column())
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """See `store.messages.kept_contents`."""


class CouponPool(SQLModel, table=True):
    """A pool of codes that were imported under one name."""

    __tablename__ = "coupon_pool"
    key: str = Field(sa_column=text_column(key=True))
    imported_at: datetime = Field(sa_column=time_column())
    """When codes were last imported."""


class Coupon(SQLModel, table=True):
    """A code, drawn at most once. It stays spent even if its contact is erased."""

    __tablename__ = "coupon"
    __table_args__ = (
        UniqueConstraint("pool", "code", name="coupon_code"),
        Index("coupon_left", "pool", "id", postgresql_where=text("drawn_at is null")),
        Index(
            "coupon_by_contact",
            "contact_id", "code",
            postgresql_where=text("contact_id is not null"),
        ),
    )  # fmt: skip
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    """Codes are drawn in the order of their import."""
    pool: str = Field(
        sa_column=Column(Text, ForeignKey("coupon_pool.key", ondelete="CASCADE"), nullable=False)
    )
    code: str = Field(sa_column=text_column())
    drawn_at: datetime | None = Field(sa_column=time_column(null=True))
    contact_id: UUID | None = Field(sa_column=id_column(null=True))
    """The contact that drew it; None again once that contact is erased."""
    run_id: UUID | None = Field(sa_column=id_column(null=True))
    visit: int | None = Field(sa_column=int_column(null=True))
    redeemed_at: datetime | None = Field(sa_column=time_column(null=True))
