"""The tables, by subject: importing this declares them all. Queries are SQL, in modules beside.

Order within a contact is `event.id`, drawn from one global sequence while the contact's row is
locked; times are the database's own (`parcours.clock()`).

The rows written for every step (events, outbox, visits, listeners, messages) carry no foreign
keys: each would cost a look-up and a share lock on a hot row. `store.contacts.erasure` deletes
them.
"""

from store.tables import contacts, events, runs
from store.tables import definitions as documents
from store.tables import messages as sends
from store.tables import operations as operation

__all__ = ["contacts", "documents", "events", "operation", "runs", "sends"]
