"""Message ids that are repeated: by the same call, or by mistake by another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from store.events.items import Accepted, Item, ItemWarning, Rejected
from store.sql import Connection, fetch_all, sql

_FIRST = sql("""
select e.message_id, e.name, c.external_id,
       array(select i.anonymous_id from identity i where i.contact_id = e.contact_id)
from event e join contact c on c.id = e.contact_id
where e.message_id = any(%(message_ids)s) and e.source = %(source)s
""")


async def warn_of_repeated(
    conn: Connection,
    items: Sequence[Item],
    answers: Sequence[Accepted | Rejected],
    source: str,
) -> list[Accepted | Rejected]:
    """The answers, with a warning on each item whose message id another event of its source has."""
    repeated = [
        item.message_id
        for item, answer in zip(items, answers, strict=True)
        if isinstance(answer, Accepted) and not answer.new
    ]
    if not repeated:
        return list(answers)
    found = await fetch_all(conn, _FIRST, {"message_ids": repeated, "source": source})
    first = {message_id: (name, {external_id, *anonymous} - {None})
             for message_id, name, external_id, anonymous in found}  # fmt: skip
    return [
        replace(answer, warnings=(*answer.warnings, _warning(item)))
        if isinstance(answer, Accepted) and not answer.new and _is_other(item, first)
        else answer
        for item, answer in zip(items, answers, strict=True)
    ]


def _is_other(item: Item, first: dict[str, tuple[str, set[str]]]) -> bool:
    recorded = first.get(item.message_id)
    if recorded is None:
        # A call that is no event has a receipt, which knows nothing of it.
        return item.kind == "track"
    name, ids = recorded
    if item.kind != "track" or item.name != name:
        return True
    # With a clicked link it is the event of the contact whose link that was, or of the browser.
    wanted = item.user_id if item.user_id is not None else item.anonymous_id
    return item.visit is None and wanted not in ids


def _warning(item: Item) -> ItemWarning:
    return ItemWarning(
        "repeated_id",
        f"messageId: {item.message_id!r} was taken before for another call, so that this one has"
        " no effect",
        "messageId",
    )
