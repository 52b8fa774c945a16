"""The places that list a contact's fields, against their definition."""

from __future__ import annotations

from dataclasses import fields
from typing import Any
from uuid import uuid4

import pytest

from journeys.model.contact_fields import CONTACT_FIELDS, EXTERNAL_ID, FIELD_NAMES, READABLE_NAMES
from store.contacts.rows import FIELD_COLUMNS, FIELD_DEFINITIONS, ContactRow, LockedContact
from store.messages.send_state import Recipient
from store.sql import table_columns
from store.tables.contact_fields import ContactFields
from store.tables.contacts import Contact

# The engine's own columns: what identifies a contact, and what ingest and dispatch keep about it.
_OTHER_COLUMNS = [
    "id", "attributes", "created_at", "updated_at", "last_event_id", "window_started_at",
    "window_events", "window_server_events", "leased_until", "lease_owner", "derived",
    "judged_event_id",
]  # fmt: skip


def test_the_dataclass_has_the_defined_fields_in_their_order() -> None:
    assert tuple(field.name for field in fields(ContactFields)) == READABLE_NAMES
    assert tuple(CONTACT_FIELDS) == FIELD_NAMES


def test_a_field_without_a_value_is_what_its_definition_says() -> None:
    empty = ContactFields()
    for name, definition in CONTACT_FIELDS.items():
        assert getattr(empty, name) == definition.absent
    assert getattr(empty, EXTERNAL_ID) is None


def test_every_column_of_a_contact_is_a_field_or_one_of_the_engine() -> None:
    columns = [column.name for column in Contact.__table__.c]  # type: ignore[attr-defined]
    assert sorted(columns) == sorted([*READABLE_NAMES, *_OTHER_COLUMNS])


def test_the_types_of_columns_are_those_of_the_definitions() -> None:
    types = {
        column.name: column.type.python_type for column in table_columns(Contact, ContactFields)
    }
    expected = {"text": str, "number": float, "truth": bool}
    for name, definition in CONTACT_FIELDS.items():
        assert types[name] is expected[definition.type]


def test_sql_lists_the_fields_with_their_types() -> None:
    assert str(FIELD_COLUMNS).split(", ") == [*READABLE_NAMES]
    assert str(FIELD_DEFINITIONS).startswith("external_id TEXT, email TEXT, ")


@pytest.mark.parametrize("row", [LockedContact, ContactRow, Recipient])
def test_every_row_of_a_contact_has_the_fields(row: type) -> None:
    assert {*READABLE_NAMES} < {field.name for field in fields(row)}


def test_templates_see_fields_and_attributes_and_fields_win() -> None:
    attributes: dict[str, Any] = {"plan": "pro", "email": "shadowed"}
    recipient = Recipient(
        external_id="u1",
        email="a@example.com",
        attributes=attributes,
        consent="subscribed",
        channel_refused=False,
    )
    assert recipient.variables == {
        "plan": "pro",
        **dict.fromkeys(READABLE_NAMES),
        "external_id": "u1",
        "email": "a@example.com",
        "score": 0.0,
        "restricted": False,
    }
    assert list(LockedContact(uuid4()).field_values()) == [*READABLE_NAMES]
