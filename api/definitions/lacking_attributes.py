"""How many contacts lack what documents print without a default, for answers about documents."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from api.definitions.preparation import Prepared
from api.services import Services
from store.contacts.attribute_counts import count_lacking

_LONGEST = 2.0
"""Seconds that counting may take."""


class LackingAttribute(BaseModel):
    """An attribute that is printed without a default, and that some contacts lack."""

    attribute: str
    contacts: int
    """How many lack it."""
    of: int
    """How many contacts there are."""


class Lacking(BaseModel):
    """What contacts lack for one document."""

    attributes: list[LackingAttribute]
    warnings: list[str]


async def lacking_attributes(services: Services, documents: Sequence[Prepared]) -> list[Lacking]:
    """For each document, the attributes that contacts lack: all counted by one query."""
    names = {name for document in documents for name in document.prints}
    async with services.pool.connection() as conn:
        counted = await count_lacking(conn, names, _LONGEST)
    if counted is None:
        words = (
            f"who lacks an attribute was not counted: it takes more than {_LONGEST:g} s;"
            f" printed without a default: {', '.join(sorted(names))}"
        )
        return [
            Lacking(attributes=[], warnings=[words] if document.prints else [])
            for document in documents
        ]
    by_name = {each.name: each for each in counted}
    found = []
    for document in documents:
        own = [by_name[name] for name in document.prints if name in by_name]
        found.append(
            Lacking(
                attributes=[
                    LackingAttribute(attribute=each.name, contacts=each.contacts, of=each.of)
                    for each in own
                ],
                warnings=[
                    f"{each.contacts:,} of {each.of:,} contacts have no `{each.name}`, which"
                    f" {document.kind} {document.key} prints without a default"
                    for each in own
                ],
            )
        )
    return found
