"""Derived events, their causes, the sources of message ids, and confirmed addresses."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    # Message ids from before count as those of public keys.
    for table in ("event", "receipt"):
        op.add_column(
            table, sa.Column("source", sa.Text(), server_default="ingest", nullable=False)
        )
    op.add_column("event", sa.Column("cause_id", sa.BigInteger(), nullable=True))
    op.drop_constraint("event_message_id_key", "event", type_="unique")
    op.create_unique_constraint("event_of_source", "event", ["message_id", "source"])
    op.drop_constraint("receipt_pkey", "receipt", type_="primary")
    op.create_primary_key("receipt_pkey", "receipt", ["message_id", "source"])
    # Which key an id came from is not known. What was sent lately may be sent again after the
    # upgrade, by keys of any scope, and is still not to take effect twice.
    op.execute(
        "insert into receipt (message_id, source, received_at)"
        " select e.message_id, s.source, e.stamped_at from event e"
        " cross join (values ('operate'), ('admin')) as s(source)"
        " where e.stamped_at > parcours.clock() - interval '7 days'"
    )
    op.execute(
        "insert into receipt (message_id, source, received_at)"
        " select r.message_id, s.source, r.received_at from receipt r"
        " cross join (values ('operate'), ('admin')) as s(source)"
        " where r.source = 'ingest' and r.received_at > parcours.clock() - interval '7 days'"
    )
    op.add_column(
        "contact",
        sa.Column("window_server_events", sa.Integer(), server_default="0", nullable=False),
    )
    for column in ("confirmed_email", "confirmed_phone"):
        op.add_column("topic_state", sa.Column(column, sa.Text(), nullable=True))
    op.execute(
        "update topic_state t set confirmed_email = c.email, confirmed_phone = c.phone"
        " from contact c where c.id = t.contact_id and t.state = 'subscribed'"
    )
    # A click is an open.
    op.execute(
        "update message set opened_at = clicked_at where clicked_at is not null"
        " and opened_at is null"
    )


def downgrade() -> None:
    for column in ("confirmed_phone", "confirmed_email"):
        op.drop_column("topic_state", column)
    op.drop_column("contact", "window_server_events")
    # Of ids that several sources used, one keeps it.
    op.execute(
        "delete from receipt r using receipt other"
        " where other.message_id = r.message_id and other.source < r.source"
    )
    op.execute(
        "update event e set message_id = gen_random_uuid()::text from event other"
        " where other.message_id = e.message_id and other.id < e.id"
    )
    op.drop_constraint("receipt_pkey", "receipt", type_="primary")
    op.create_primary_key("receipt_pkey", "receipt", ["message_id"])
    op.drop_constraint("event_of_source", "event", type_="unique")
    op.create_unique_constraint("event_message_id_key", "event", ["message_id"])
    op.drop_column("event", "cause_id")
    for table in ("receipt", "event"):
        op.drop_column(table, "source")
