"""From the columns of a file to what they say: fields, attributes, groups, consents, events.

A target is a name, with a type behind a colon if the values are no texts: `email`, `plan`,
`visits:number`, `topics.news`, `-` for a column that is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from journeys.model.contact_fields import CONTACT_FIELDS, EXTERNAL_ID, FIELD_NAMES
from journeys.model.identifiers import find_id_flaw
from store.imports.presets import PRESETS, PresetName
from store.imports.problems import FileRefused

What = Literal["contacts", "groups", "topics", "suppressions", "events"]
ValueType = Literal["text", "number", "boolean", "date", "json"]
OWN_ID: Final = "parcours_id"
"""The target of our own ids of contacts."""
IGNORED: Final = "-"
REFUSED_COLUMNS: Final = ("refused_line", "refused_code", "refused_reason")
"""What the file of refused lines adds to them; it is not imported with them."""
NAME_LIMIT: Final = 200
_TYPES: Final = frozenset(get_args(ValueType))
_IDS: Final = (EXTERNAL_ID, OWN_ID, "email", "phone")
_EVIDENCE: Final = ("consent.source", "consent.text", "consent.at", "consent.ip")

FIXED: Final[Mapping[What, tuple[str, ...]]] = {
    "contacts": (EXTERNAL_ID, OWN_ID, *FIELD_NAMES, "groups", "attributes", "derived", *_EVIDENCE),
    "groups": (*_IDS, "group"),
    "topics": (*_IDS, "topic", "state", "verified", "source", "text", "at", "ip"),
    "suppressions": ("channel", "address", "address_hash", "reason"),
    "events": (*_IDS, "event", "timestamp", "message_id", "properties"),
}
"""The targets of each kind of file that have a meaning of their own."""
_PREFIXES: Final[Mapping[What, tuple[str, ...]]] = {
    "contacts": ("attributes.", "topics."),
    "groups": (),
    "topics": (),
    "suppressions": (),
    "events": ("properties.",),
}
_OBVIOUS: Final[Mapping[str, str]] = {
    "email": "email",
    "emailaddress": "email",
    "mail": "email",
    "mailaddress": "email",
    "phone": "phone",
    "phonenumber": "phone",
    "mobile": "phone",
    "mobilephone": "phone",
    "mobilenumber": "phone",
    "telephone": "phone",
    "externalid": EXTERNAL_ID,
    "userid": EXTERNAL_ID,
    "id": EXTERNAL_ID,
    "timezone": "timezone",
    "locale": "locale",
    "language": "locale",
    "country": "country",
    "countrycode": "country",
    "firstname": "first_name",
    "lastname": "last_name",
    "parcoursid": OWN_ID,
    "contactid": EXTERNAL_ID,
    "contact": EXTERNAL_ID,
    "eventname": "event",
    "name": "event",
    "messageid": "message_id",
    "occurredat": "timestamp",
    "time": "timestamp",
    "date": "timestamp",
    "groupid": "group",
    "groupkey": "group",
    "consentat": "at",
    "addresshash": "address_hash",
}
"""Names of columns that say what they are, without spaces, signs and capitals."""
_ONLY_OF: Final[Mapping[str, tuple[What, ...]]] = {
    "first_name": ("contacts",),
    "last_name": ("contacts",),
}
_SIGNS = re.compile(r"[^0-9a-z]")
_TYPES_OF_FIELDS: Final[Mapping[str, ValueType]] = {
    "text": "text", "number": "number", "truth": "boolean",
}  # fmt: skip
_DEFAULT_TYPES: Final[Mapping[str, ValueType]] = {
    **{name: _TYPES_OF_FIELDS[each.type] for name, each in CONTACT_FIELDS.items()},
    "derived": "json",
    "attributes": "json",
    "properties": "json",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column, and what is done with it."""

    name: str
    target: str
    type: ValueType = "text"
    how: Literal["given", "preset", "automatic", "own_name"]
    """Who decided: the mapping, a preset, an obvious name, or no one: it is called as it is."""

    @property
    def used(self) -> bool:
        """Whether its values are imported."""
        return self.target != IGNORED

    @property
    def attribute(self) -> str | None:
        """The attribute, or the property, that it sets; None if it is something else."""
        return None if self.target in _ALL_FIXED else self.target.partition(".")[2] or self.target

    def as_json(self) -> list[str]:
        """The column as a job keeps it."""
        return [self.name, self.target, self.type, self.how]


_ALL_FIXED: Final = frozenset(name for names in FIXED.values() for name in names)


def map_columns(
    columns: Sequence[str],
    what: What,
    *,
    given: Mapping[str, str] | None = None,
    preset: PresetName | None = None,
) -> list[Column]:
    """What is done with each column of CSV. Raises FileRefused.

    The mapping that is given counts first, then the preset, then obvious names; any other column of
    contacts is an attribute of its own name, and any other one of events a property.
    """
    given = given or {}
    for name in given:
        if name not in columns:
            shown = ", ".join(columns[:10]) + (", …" if len(columns) > 10 else "")
            raise FileRefused(f"map: the file has no column {name[:100]!r}, of: {shown}")
    proposed = PRESETS[preset] if preset is not None else {}
    mapped = [_map_column(name, what, given.get(name), proposed.get(name)) for name in columns]
    return _without_doubles(mapped, what)


def map_key(
    name: str,
    what: What,
    *,
    given: Mapping[str, str] | None = None,
    preset: PresetName | None = None,
) -> Column:
    """What is done with a key of JSON Lines, whose values keep their type unless one is given."""
    proposed = PRESETS[preset] if preset is not None else {}
    return _map_column(name, what, (given or {}).get(name), proposed.get(name))


def _map_column(name: str, what: What, given: str | None, proposed: str | None) -> Column:
    if given is not None:
        return parse_target(name, given, what, how="given")
    if proposed is not None:
        return parse_target(name, proposed, what, how="preset")
    if not name or name in REFUSED_COLUMNS:
        return Column(name=name, target=IGNORED, how="own_name")
    bare, _, suffix = name.rpartition(":")
    if suffix not in _TYPES or not bare:
        bare, suffix = name, ""
    behind = f":{suffix}" if suffix else ""
    fixed = FIXED[what]
    if bare in fixed or bare.startswith(_PREFIXES[what]):
        return parse_target(name, bare + behind, what, how="automatic")
    plain = _SIGNS.sub("", bare.casefold())
    obvious = next((each for each in fixed if _SIGNS.sub("", each) == plain), _OBVIOUS.get(plain))
    if obvious is not None and (obvious in fixed or what in _ONLY_OF.get(obvious, ())):
        return parse_target(name, obvious + behind, what, how="automatic")
    return _own_name(name, bare, behind, what, {})


def _own_name(name: str, bare: str, behind: str, what: What, taken: Mapping[str, Column]) -> Column:
    """The column as an attribute, or a property, of its own name, if it can be one."""
    prefix = "attributes." if what == "contacts" else "properties."
    if (
        what not in ("contacts", "events")
        or len(bare) > NAME_LIMIT
        or find_id_flaw(bare) is not None
        or prefix + bare in taken
    ):
        return Column(name=name, target=IGNORED, how="own_name")
    return parse_target(name, prefix + bare + behind, what, how="own_name")


def parse_target(
    column: str,
    text: str,
    what: What,
    *,
    how: Literal["given", "preset", "automatic", "own_name"] = "given",
) -> Column:
    """The column of a target as a mapping writes it. Raises FileRefused."""
    target, _, behind = text.strip().rpartition(":")
    kind: ValueType | None = None
    if target and behind in _TYPES:
        kind = next(each for each in get_args(ValueType) if each == behind)
    else:
        target = text.strip()
    if target in ("", IGNORED):
        return Column(name=column, target=IGNORED, how=how)
    if target in FIXED[what]:
        return Column(
            name=column, target=target, type=kind or _DEFAULT_TYPES.get(target, "text"), how=how
        )
    if target.startswith(_PREFIXES[what]) and target.partition(".")[2]:
        return _named(column, target, kind, how)
    if what == "contacts":
        return _named(column, f"attributes.{target}", kind, how)
    if what == "events":
        return _named(column, f"properties.{target}", kind, how)
    known = ", ".join(FIXED[what])
    raise FileRefused(
        f"map: {column[:100]!r} goes to {target[:100]!r}, but must go to one of: {known}"
    )


def _named(
    column: str,
    target: str,
    kind: ValueType | None,
    how: Literal["given", "preset", "automatic", "own_name"],
) -> Column:
    name = target.partition(".")[2]
    flaw = find_id_flaw(name)
    if flaw is None and len(name) > NAME_LIMIT:
        flaw = f"must have at most {NAME_LIMIT} characters"
    if flaw is not None:
        raise FileRefused(f"map: {column[:100]!r}: the name {name[:100]!r} {flaw}")
    return Column(name=column, target=target, type=kind or "text", how=how)


def _without_doubles(mapped: list[Column], what: What) -> list[Column]:
    """The columns, of which two that only look alike do not both count. Raises FileRefused."""
    taken: dict[str, Column] = {}
    for column in sorted(mapped, key=lambda each: _ORDER[each.how]):
        if not column.used:
            continue
        other = taken.setdefault(column.target, column)
        if other is column:
            continue
        if column.how in ("given", "preset") and column.how == other.how:
            raise FileRefused(
                f"map: two columns go to {column.target}: {other.name!r} and {column.name!r}"
            )
    # One that only looked like a field that another column fills is an attribute of its own name.
    return [
        column
        if not column.used or taken[column.target] is column
        else _own_name(column.name, column.name, "", what, taken)
        for column in mapped
    ]


_ORDER: Final = {"given": 0, "preset": 1, "automatic": 2, "own_name": 3}
