"""Tables of contacts: identities, consent, suppressions and group members."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, get_args
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Uuid,
    column,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlmodel import Field, SQLModel

from journeys.model.well_known_events import ChannelState as ChannelConsent
from journeys.model.well_known_events import ConsentState
from store.tables.columns import (
    big_column,
    flag_column,
    id_column,
    in_values,
    int_column,
    json_column,
    text_column,
    time_column,
)

_PREFIXES: Final = "text_pattern_ops"
"""The operators of an index that finds by the beginning of a text as well as by the whole."""


class Contact(SQLModel, table=True):
    """A person. Columns that change with each event have no index, so that updates stay cheap."""

    __tablename__ = "contact"
    __table_args__ = (
        # An answer to a text message names its number alone.
        Index(
            "contact_by_phone",
            "phone",
            postgresql_where=text("phone is not null"),
            postgresql_ops={"phone": _PREFIXES},
        ),
        # Contacts are found by the beginning of an id or an address, too.
        Index(
            "contact_by_email",
            func.lower(column("email")).label("lower_email"),
            postgresql_where=text("email is not null"),
            postgresql_ops={"lower_email": _PREFIXES},
        ),
        Index(
            "contact_external_id_key",
            "external_id",
            unique=True,
            postgresql_ops={"external_id": _PREFIXES},
        ),
        # A batch may change all contacts of a page, as those of an import are next to each other.
        {"postgresql_with": {"fillfactor": "60"}},
    )
    id: UUID = Field(sa_column=id_column(key=True))
    external_id: str | None = Field(sa_column=text_column(null=True))
    email: str | None = Field(sa_column=text_column(null=True))
    phone: str | None = Field(sa_column=text_column(null=True))
    timezone: str | None = Field(sa_column=text_column(null=True))
    locale: str | None = Field(sa_column=text_column(null=True))
    country: str | None = Field(sa_column=text_column(null=True))
    score: float = Field(sa_column=Column(DOUBLE_PRECISION, nullable=False, server_default="0"))
    lifecycle: str | None = Field(sa_column=text_column(null=True))
    restricted: bool = Field(sa_column=flag_column())
    attributes: dict[str, Any] = Field(sa_column=json_column())
    derived: dict[str, str] = Field(sa_column=json_column())
    """The fields that were worked out and not given, each with what it was worked out from."""
    created_at: datetime = Field(sa_column=time_column())
    updated_at: datetime = Field(sa_column=time_column())
    last_event_id: int = Field(sa_column=big_column(default=0))
    """The highest event id of this contact, written under its lock with each new event."""
    judged_event_id: int = Field(sa_column=big_column(default=0))
    """Its segments were judged at its events up to this one."""
    window_started_at: datetime | None = Field(sa_column=time_column(null=True))
    window_events: int = Field(sa_column=int_column(default=0))
    """Events of public keys since `window_started_at`, for the limit on events per minute."""
    window_server_events: int = Field(sa_column=int_column(default=0))
    """The same of keys that are not public, which have a limit of their own."""
    leased_until: datetime | None = Field(sa_column=time_column(null=True))
    """Until when one dispatcher alone may dispatch this contact's outbox."""
    lease_owner: UUID | None = Field(sa_column=id_column(null=True))
    """The round of a dispatcher that has the lease; null while the contact rests after one."""


class Identity(SQLModel, table=True):
    """An anonymous id, and the contact it belongs to now."""

    __tablename__ = "identity"
    anonymous_id: str = Field(sa_column=text_column(key=True))
    contact_id: UUID = Field(
        sa_column=Column(
            Uuid, ForeignKey("contact.id", ondelete="CASCADE"), nullable=False, index=True
        )
    )


class ContactAlias(SQLModel, table=True):
    """An external id of a contact that was merged into another, which it names from then on.

    A trigger refuses a new contact with it.
    """

    __tablename__ = "contact_alias"
    external_id: str = Field(sa_column=text_column(key=True))
    contact_id: UUID = Field(
        sa_column=Column(
            Uuid,
            ForeignKey("contact.id", ondelete="CASCADE"),
            nullable=False,
        )
    )
    merged_at: datetime = Field(sa_column=time_column())
    __table_args__ = (Index("contact_alias_by_contact", "contact_id"),)


class TopicState(SQLModel, table=True):
    """The record of a contact's consent to a topic."""

    __tablename__ = "topic_state"
    __table_args__ = (
        CheckConstraint(in_values("state", get_args(ConsentState)), name="topic_state_is"),
        PrimaryKeyConstraint("contact_id", "topic"),
    )
    contact_id: UUID = Field(sa_column=id_column(to="contact.id"))
    topic: str = Field(sa_column=text_column())
    state: str = Field(sa_column=text_column())
    event_id: int | None = Field(sa_column=big_column(null=True))
    confirmed_email: str | None = Field(sa_column=text_column(null=True))
    """The e-mail address that the consent was given for; consent to another is asked again."""
    confirmed_phone: str | None = Field(sa_column=text_column(null=True))
    changed_at: datetime = Field(sa_column=time_column())


class ChannelState(SQLModel, table=True):
    """A contact's consent to all messages of a channel. It stands above topics."""

    __tablename__ = "channel_state"
    __table_args__ = (
        CheckConstraint(in_values("state", get_args(ChannelConsent)), name="channel_state_is"),
        PrimaryKeyConstraint("contact_id", "channel"),
    )
    contact_id: UUID = Field(sa_column=id_column(to="contact.id"))
    channel: str = Field(sa_column=text_column())
    state: str = Field(sa_column=text_column())
    event_id: int | None = Field(sa_column=big_column(null=True))
    changed_at: datetime = Field(sa_column=time_column())


class ConsentRecord(SQLModel, table=True):
    """The record of a consent given, confirmed or withdrawn. Rows are only added.

    There is one for each address that a consent is for. They are kept until the contact is erased.
    """

    __tablename__ = "consent_record"
    __table_args__ = (
        CheckConstraint(in_values("state", get_args(ConsentState)), name="consent_record_is"),
        Index("consent_record_by_contact", "contact_id", "id"),
    )
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    contact_id: UUID = Field(sa_column=id_column(to="contact.id"))
    event_id: int | None = Field(sa_column=big_column(null=True))
    topic: str | None = Field(sa_column=text_column(null=True))
    """None: the whole channel."""
    channel: str | None = Field(sa_column=text_column(null=True))
    """None: the contact has no address yet."""
    address: str | None = Field(sa_column=text_column(null=True))
    """The contact's address of that channel at the time."""
    state: str = Field(sa_column=text_column())
    previous: str | None = Field(sa_column=text_column(null=True))
    """The state until then; None if there was none."""
    source: str = Field(sa_column=text_column())
    text: str | None = Field(sa_column=text_column(null=True))
    """What the contact was shown, or wrote."""
    request_address: str | None = Field(sa_column=text_column(null=True))
    """The network address of the request, in clear or hashed, as the setting says."""
    message_id: UUID | None = Field(sa_column=id_column(null=True))
    """The message whose link or answer it was."""
    recorded_at: datetime = Field(sa_column=time_column())
    given_at: datetime | None = Field(sa_column=time_column(null=True))
    """When it was given, if an import says so; else when it was recorded."""


class Suppression(SQLModel, table=True):
    """An address never to write to again, kept as SHA-256 so that it outlives an erased contact."""

    __tablename__ = "suppression"
    __table_args__ = (PrimaryKeyConstraint("channel", "address_hash"),)
    channel: str = Field(sa_column=text_column())
    address_hash: str = Field(sa_column=text_column())
    reason: str = Field(sa_column=text_column())
    suppressed_at: datetime = Field(sa_column=time_column())


class GroupMember(SQLModel, table=True):
    """A contact in a group."""

    __tablename__ = "group_member"
    __table_args__ = (
        PrimaryKeyConstraint("contact_id", "group_key"),
        Index("group_member_by_group", "group_key", "contact_id"),
    )
    contact_id: UUID = Field(sa_column=id_column(to="contact.id"))
    group_key: str = Field(sa_column=text_column())
    added_at: datetime = Field(sa_column=time_column())
