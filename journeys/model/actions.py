"""Contents of the steps that act: changes of the contact, coupons, events and other journeys."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from journeys.model.values import DocumentModel, Key, Name, Operand, Value


class Update(DocumentModel):
    """Changes of attributes."""

    set: dict[Name, Value] = Field(default_factory=dict)
    unset: list[Name] = Field(default_factory=list)
    add: dict[Name, Operand] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (self.set or self.unset or self.add):
            raise ValueError("an update needs `set`, `unset` or `add`")
        for name, amount in self.add.items():
            if isinstance(amount, str | bool) or amount is None:
                raise ValueError(f"`add` takes numbers, and `{name}` is not one")
        return self


class Membership(DocumentModel):
    """Groups to add to and to remove from."""

    add: list[Name] = Field(default_factory=list)
    remove: list[Name] = Field(default_factory=list)

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (self.add or self.remove):
            raise ValueError("a group step needs `add` or `remove`")
        return self


class Coupon(DocumentModel):
    """The pool from which a code is drawn."""

    pool: Name


class Emission(DocumentModel):
    """An event to record."""

    event: Name
    properties: dict[str, Value] = Field(default_factory=dict)


class Enter(DocumentModel):
    """A journey to start."""

    journey: Key
    properties: dict[str, Value] = Field(default_factory=dict)
