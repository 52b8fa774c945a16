"""The tables, by subject: importing this package declares them all.

Order within a contact is `event.id`, drawn from one global sequence while the contact's row is
locked; times are the database's own (`parcours.clock()`).

The rows written for every step (events, outbox, visits, listeners, messages) have no foreign
keys: each would cost a look-up and a share lock on a hot row. `store.contacts.erasure` deletes
them.
"""

from store.tables import (
    audit,
    console,
    contacts,
    dates,
    definitions,
    entries,
    erasures,
    events,
    figures,
    files,
    freezes,
    holdouts,
    imports,
    links,
    messages,
    operations,
    places,
    repairs,
    retention,
    runs,
    segments,
    workers,
)

__all__ = [
    "audit",
    "console",
    "contacts",
    "dates",
    "definitions",
    "entries",
    "erasures",
    "events",
    "figures",
    "files",
    "freezes",
    "holdouts",
    "imports",
    "links",
    "messages",
    "operations",
    "places",
    "repairs",
    "retention",
    "runs",
    "segments",
    "workers",
]
