"""The state of a contact's consent to a topic, as one expression for sends and for pages."""

from __future__ import annotations

from typing import Final

from store.sql import sql

CONSENT_STATE: Final = sql("""
coalesce(
    case when t.state = 'subscribed' and topic.document->>'default' = 'double'
          and coalesce(t.confirmed_email, t.confirmed_phone) is not null
          and case %(address_field)s
              when 'email' then lower(c.email) is distinct from lower(t.confirmed_email)
              when 'phone' then c.phone is distinct from t.confirmed_phone
              else false end
         then 'pending' else t.state end,
    case topic.document->>'default' when 'opt_out' then 'subscribed' end,
    'unsubscribed'
)
""")
"""The record, else the topic's default; `pending` for an address that was not confirmed.

Of the contact `c`, the document `topic` and the row `t` of `topic_state`, each of which may be
null, for messages to the address `address_field`.
"""
