"""The document of a form with its topic and its brand, in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from journeys.model.brands import DEFAULT_BRAND
from store.sql import Connection, fetch_one_as, sql, text_literal

_READ = sql(
    """
select f.document as form, topic.document->>'name' as topic_name,
       coalesce(own.document, brand.document, house.document) as brand
from document f
left join document topic on topic.kind = 'topic' and topic.key = f.document->>'topic'
left join document own on own.kind = 'brand' and own.key = f.document->>'brand'
left join document brand on brand.kind = 'brand' and brand.key = topic.document->>'brand'
left join document house on house.kind = 'brand' and house.key = {default}
where f.kind = 'form' and f.key = %(form)s
""",
    default=text_literal(DEFAULT_BRAND),
)


@dataclass(frozen=True, slots=True)
class FormDocuments:
    """A form, and what its page shows beside it."""

    form: dict[str, Any]
    topic_name: str | None
    brand: dict[str, Any] | None
    """The document of the form's brand, else of its topic's, else of the default one."""


async def read_form_documents(conn: Connection, key: str) -> FormDocuments | None:
    """A form by its key; None if there is none."""
    return await fetch_one_as(conn, FormDocuments, _READ, {"form": key})
