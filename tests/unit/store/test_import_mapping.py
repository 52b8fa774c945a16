"""From columns to targets, and from cells to values."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.model.addresses import check_email, parse_email
from store.imports.lines import ContactLine, LineReader
from store.imports.mapping import ValueType, map_columns, map_key, parse_target
from store.imports.plans import ImportPlan
from store.imports.presets import PRESETS
from store.imports.problems import FileRefused
from store.imports.records import Dialect, Place
from store.imports.values import convert, moment


def targets(columns: list[str], what: Any = "contacts", **more: Any) -> dict[str, str]:
    return {
        each.name: each.target + ("" if each.type == "text" else f":{each.type}")
        for each in map_columns(columns, what, **more)
    }


def test_obvious_names_are_fields_and_all_others_attributes_of_their_name() -> None:
    assert targets(["User ID", "E-Mail", "Mobile phone", "First name", "plan", "n:number"]) == {
        "User ID": "external_id",
        "E-Mail": "email",
        "Mobile phone": "phone",
        "First name": "attributes.first_name",
        "plan": "attributes.plan",
        "n:number": "attributes.n:number",
    }
    # Of two that look like one field the first is it.
    assert targets(["Phone", "Mobile"]) == {"Phone": "phone", "Mobile": "attributes.Mobile"}
    assert targets(["refused_code", "", "id"]) == {
        "refused_code": "-", "": "-", "id": "external_id",
    }  # fmt: skip


def test_a_mapping_stands_above_a_preset_and_that_above_names() -> None:
    mapped = targets(
        ["EMAIL", "SMS", "EXT_ID", "note"],
        given={"SMS": "attributes.sms", "note": "-"},
        preset="brevo",
    )
    assert mapped == {
        "EMAIL": "email", "SMS": "attributes.sms", "EXT_ID": "external_id", "note": "-",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"b": "email"}, "no column 'b'"),
        ({"a": "email", "c": "email"}, "two columns go to email"),
        ({"a": "attributes.\x01"}, "control characters"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(given: dict[str, str], wrong: str) -> None:
    with pytest.raises(FileRefused, match=wrong):
        map_columns(["a", "c"], "contacts", given=given)


def test_other_files_have_fixed_columns() -> None:
    assert targets(["id", "Group", "x"], "groups") == {
        "id": "external_id", "Group": "group", "x": "-",
    }  # fmt: skip
    with pytest.raises(FileRefused, match="must go to one of"):
        parse_target("x", "plan", "groups")
    assert map_key("total", "events").target == "properties.total"


@pytest.mark.parametrize("preset", PRESETS)
def test_every_target_of_a_preset_is_one(preset: Any) -> None:
    for column, target in PRESETS[preset].items():
        parse_target(column, target, "contacts", how="preset")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("12", "number", 12),
        ("-1.5", "number", -1.5),
        (".5", "number", 0.5),
        ("1e3", "number", 1000.0),
        ("Yes", "boolean", True),
        ("0", "boolean", False),
        ("2026-02-28", "date", "2026-02-28"),
        ("2026-02-28T10:00:00+01:00", "date", "2026-02-28T09:00:00Z"),
        ("2026-02-28 10:00:00 UTC", "date", "2026-02-28T10:00:00Z"),
        ('{"a": [1]}', "json", {"a": [1]}),
        ("007", "text", "007"),
    ],
)
def test_a_cell_is_of_the_type_that_the_mapping_says(
    text: str, kind: ValueType, value: Any
) -> None:
    assert convert(text, kind, None) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1,5", "number"),
        ("1e999", "number"),
        ("nan", "number"),
        ("maybe", "boolean"),
        ("2026-02-30", "date"),
        ("2026-02-28 10:00:00", "date"),
        ("03/04/2026", "date"),
        ("{", "json"),
        ('"\\u0000"', "json"),
    ],
)
def test_another_cell_is_refused(text: str, kind: ValueType) -> None:
    with pytest.raises(ValueError, match=r".+"):
        convert(text, kind, None)


def test_a_cell_that_is_no_date_is_refused_with_an_example_of_one() -> None:
    with pytest.raises(ValueError, match=r"^'31.02.1990' is not a date such as 2026-11-24$"):
        convert("31.02.1990", "date", None)


def test_a_time_without_an_offset_is_one_of_the_zone_that_is_given() -> None:
    wanted = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
    assert moment("2026-07-01 10:00", ZoneInfo("Europe/Paris")) == wanted
    assert moment("2026-07-01T10:00:00,000000123+0200", None) == wanted


LOCAL = st.text("abAB01._+-", min_size=1, max_size=70)
DOMAIN = st.text("abAB01.-", min_size=1, max_size=70)


@given(local=LOCAL, domain=DOMAIN, top=st.sampled_from(["com", "c", "c0m", "museum", "0"]))
def test_addresses_are_checked_as_the_library_checks_them(
    local: str, domain: str, top: str
) -> None:
    text = f"{local}@{domain}.{top}"
    try:
        wanted = parse_email(text).normalized
    except ValueError:
        with pytest.raises(ValueError, match="is not an e-mail address"):
            check_email(text)
    else:
        assert check_email(text) == wanted


def read(columns: list[str], *cells: str, **plan: Any) -> ContactLine:
    columns_ = tuple(map_columns(columns, "contacts"))
    dialect = Dialect(format="csv", encoding="utf-8")
    options = {"what": "contacts", "dialect": dialect, "start": Place(), **plan}
    line = LineReader(ImportPlan(columns=columns_, **options)).read((2, list(cells)))
    assert isinstance(line, ContactLine)
    return line


def test_an_empty_cell_leaves_a_value_or_removes_it() -> None:
    columns = ["id", "plan", "email"]
    assert read(columns, "7", "", "").values == {}
    assert read(columns, "7", "", "", empty="remove").values == {"plan": None, "email": None}
    # A cell that is not there says nothing.
    assert read(columns, "7", empty="remove").values == {}


def test_formulas_stay_texts() -> None:
    assert read(["id", "note"], "7", '=HYPERLINK("x")').values == {"note": '=HYPERLINK("x")'}
