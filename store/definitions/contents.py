"""Contents of messages: kept under their hashes, and named by templates and by steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from journeys.model.documents import Template
from journeys.templating.contents import Content
from journeys.templating.inclusion import used_by
from store.sql import execute, fetch_all, fetch_column, fetch_value, sql

_KEEP = sql("""
insert into message_content (hash, content)
select hash, content from jsonb_to_recordset(%(contents)s) as given (hash text, content jsonb)
on conflict (hash) do nothing
""")
_NAME = sql("""
with given as (
    select key as locale, value as hash from jsonb_each_text(%(hashes)s)
), gone as (
    delete from template_content
    where template = %(template)s and locale not in (select locale from given)
)
insert into template_content (template, locale, hash)
select %(template)s, locale, hash from given
on conflict (template, locale) do update set hash = excluded.hash
where template_content.hash <> excluded.hash
""")
_USE = sql("""
with gone as (
    delete from template_use where template = %(template)s and used <> all(%(used)s)
)
insert into template_use (template, used)
select %(template)s, used from unnest(%(used)s::text[]) as named (used)
on conflict do nothing
""")
_CONTENT = sql("select content from message_content where hash = %(hash)s")
_CONTENTS_OF = sql("select locale, hash from template_content where template = %(template)s")
_USES = sql("select template, used from template_use")
_TEMPLATES = sql(
    "select key, document from document where kind = 'template' and key = any(%(keys)s)"
)
_TEMPLATE_KEYS = sql("select key from document where kind = 'template' order by key")


async def keep_contents(
    conn: AsyncConnection[Any], contents: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Keep contents, given as `Content.as_json` makes them; their hashes, in order."""
    named = [(Content.from_json(each).hash, each) for each in contents]
    if named:
        rows = [{"hash": name, "content": content} for name, content in dict(named).items()]
        await execute(conn, _KEEP, {"contents": Jsonb(rows)})
    return [name for name, _ in named]


async def save_template_contents(
    conn: AsyncConnection[Any], template: str, contents: Mapping[str, Mapping[str, Any]]
) -> None:
    """Make contents, by locale, those of a template. The caller has locked the catalog."""
    hashes = await keep_contents(conn, contents.values())
    await execute(
        conn,
        _NAME,
        {"template": template, "hashes": Jsonb(dict(zip(contents, hashes, strict=True)))},
    )


async def save_template_uses(conn: AsyncConnection[Any], template: Template) -> None:
    """Note which templates a template has as its layout and partials."""
    used = sorted(used_by(template))
    await execute(conn, _USE, {"template": template.template, "used": used})


async def read_content(conn: AsyncConnection[Any], name: str) -> Content | None:
    """The content of a hash; None if there is none."""
    kept: dict[str, Any] | None = await fetch_value(conn, _CONTENT, {"hash": name})
    return None if kept is None else Content.from_json(kept)


async def template_contents(conn: AsyncConnection[Any], template: str) -> dict[str, str]:
    """The hashes of the contents of a template, by locale."""
    return dict(await fetch_all(conn, _CONTENTS_OF, {"template": template}))


async def read_related_templates(
    conn: AsyncConnection[Any], named: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """The documents of templates, of all that use them, and of all that any of these uses."""
    uses = await fetch_all(conn, _USES)
    users = _closure(set(named), [(used, template) for template, used in uses])
    keys = _closure(users, uses)
    return dict(await fetch_all(conn, _TEMPLATES, {"keys": sorted(keys)}))


async def template_keys(conn: AsyncConnection[Any]) -> list[str]:
    """The keys of all templates."""
    return await fetch_column(conn, _TEMPLATE_KEYS)


def _closure(keys: set[str], edges: Iterable[tuple[Any, ...]]) -> set[str]:
    following: dict[str, list[str]] = {}
    for begin, end in edges:
        following.setdefault(begin, []).append(end)
    found, waiting = set(keys), list(keys)
    while waiting:
        for key in following.get(waiting.pop(), ()):
            if key not in found:
                found.add(key)
                waiting.append(key)
    return found
