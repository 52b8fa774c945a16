"""Values of documents: text, scalars, references, and JSON made of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)
from typing_extensions import TypeAliasType

from journeys.model.unions import LIST, MAPPING, PLAIN, discriminated_by, tag
from journeys.time.durations import Duration

KEY_PATTERN = r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$"
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
KEY_LENGTH = 64
NAME_LENGTH = 200


class DocumentModel(BaseModel):
    """A part of a document: unknown keys are errors, and keywords of Python have aliases."""

    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, frozen=True, allow_inf_nan=False
    )

    unwritten: ClassVar[frozenset[str]] = frozenset()
    """Fields that are no keys of the document: their content is written elsewhere in it."""
    beside: ClassVar[tuple[str, ...]] = ()
    """Keys that documents may write in the place of this form's keys."""

    def as_document(self) -> dict[str, Any]:
        """The part as JSON with the words of the document; `model_validate` reads it again."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Ambiguous(str):
    """A plain scalar that other YAML readers read as a truth value, such as `yes`."""

    __slots__ = ()


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # The reader makes a number only of text that prints unchanged, so this is the source text.
        return str(value)
    return value


def _unambiguous(value: object) -> object:
    if isinstance(value, Ambiguous):
        raise ValueError(
            f'`{value}` may be text or a truth value; quote it: "{value}", or write true or false'
        )
    return value


def _duration(text: str) -> str:
    Duration.parse(text)
    return text


def _length(text: str) -> str:
    if not Duration.parse(text).nominal():
        raise ValueError(f"`{text}` is no time at all; write for example 2h or 7d")
    return text


def _offset(text: str) -> str:
    Duration.parse(text, signed=True)
    return text


def _key(text: str) -> str:
    if len(text) > KEY_LENGTH:
        raise ValueError(f"a key has at most {KEY_LENGTH} characters, this one has {len(text)}")
    if not re.fullmatch(KEY_PATTERN, text):
        raise ValueError(f"`{text}` is not a key; keys are made of a-z, 0-9 and - inside")
    return text


def _identifier(text: str) -> str:
    if len(text) > KEY_LENGTH:
        raise ValueError(f"an id has at most {KEY_LENGTH} characters, this one has {len(text)}")
    if not re.fullmatch(ID_PATTERN, text):
        raise ValueError(f"`{text}` is not an id; ids are made of letters, digits, - and _")
    return text


def _name(text: str) -> str:
    if not text.strip():
        raise ValueError("a name is not empty")
    if len(text) > NAME_LENGTH:
        raise ValueError(f"a name has at most {NAME_LENGTH} characters, this one has {len(text)}")
    return text


def _path(text: str) -> str:
    if not text or any(not part for part in text.split(".")):
        raise ValueError(f"`{text}` is not a path; write names with dots between them")
    return text


Text = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str)]
"""Text: the source text of any scalar."""
DurationText = Annotated[Text, AfterValidator(_duration)]
"""`2d`, `1h30m`, `PT2H`."""
LengthText = Annotated[Text, AfterValidator(_length)]
"""`2d`: a duration longer than zero."""
OffsetText = Annotated[Text, AfterValidator(_offset)]
"""`-1d`, `+2h`, `2h`."""
Key = Annotated[Text, AfterValidator(_key), Field(json_schema_extra={"pattern": KEY_PATTERN})]
"""The key of a document."""
Identifier = Annotated[
    Text,
    AfterValidator(_identifier),
    Field(json_schema_extra={"pattern": ID_PATTERN, "maxLength": KEY_LENGTH}),
]
"""The id of a step."""
Name = Annotated[Text, AfterValidator(_name)]
"""The name of an event, group, pool, case…"""
Path = Annotated[Text, AfterValidator(_path)]
"""A dotted path into JSON; a number in it is an index into a list, from 0."""

Scalar = Annotated[str | bool | int | float | None, BeforeValidator(_unambiguous)]


class EntryReference(DocumentModel):
    """A property of the entry event: `{entry: PATH}`."""

    entry: Path


class AttributeReference(DocumentModel):
    """An attribute of the contact: `{attribute: PATH}`."""

    attribute: Path


class StepReference(DocumentModel):
    """An output of an earlier step, from its latest visit: `{step: ID, property: PATH}`."""

    step: Identifier
    property: Path


Reference = EntryReference | AttributeReference | StepReference

Operand = Annotated[
    Annotated[EntryReference, Tag(tag("entry"))]
    | Annotated[AttributeReference, Tag(tag("attribute"))]
    | Annotated[StepReference, Tag(tag("step"))]
    | Annotated[Scalar, Tag(PLAIN)],
    discriminated_by("a reference", "entry", "attribute", "step", plain=True),
]
Operands = list[Operand] | Operand

_REFERENCES = ({"entry"}, {"attribute"}, {"step", "property"})


def _value_form(value: object) -> str:
    if isinstance(value, EntryReference):
        return tag("entry")
    if isinstance(value, AttributeReference):
        return tag("attribute")
    if isinstance(value, StepReference):
        return tag("step")
    if isinstance(value, list):
        return LIST
    if not isinstance(value, dict):
        return PLAIN
    if set(value) in _REFERENCES and all(isinstance(part, str) for part in value.values()):
        return tag(next(key for key in ("entry", "attribute", "step") if key in value))
    return MAPPING


if TYPE_CHECKING:
    Value: TypeAlias = (
        Reference | list["Value"] | dict[str, "Value"] | str | bool | int | float | None
    )
else:
    Value = TypeAliasType(
        "Value",
        Annotated[
            Annotated[EntryReference, Tag(tag("entry"))]
            | Annotated[AttributeReference, Tag(tag("attribute"))]
            | Annotated[StepReference, Tag(tag("step"))]
            | Annotated[list["Value"], Tag(LIST)]
            | Annotated[dict[str, "Value"], Tag(MAPPING)]
            | Annotated[Scalar, Tag(PLAIN)],
            Discriminator(_value_form),
        ],
    )
"""JSON, in which a mapping in the form of a reference is a reference."""


def references_in(value: object) -> list[Reference]:
    """The references at any depth of a value, in order."""
    if isinstance(value, Reference):
        return [value]
    if isinstance(value, dict):
        return [found for part in value.values() for found in references_in(part)]
    if isinstance(value, list):
        return [found for part in value for found in references_in(part)]
    return []
