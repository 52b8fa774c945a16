"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("create schema parcours")
    # Every statement asks this function for the time, so that a simulation can define it anew in a
    # database of its own. Written so that the planner puts clock_timestamp() in its place.
    op.execute(
        "create function parcours.clock() returns timestamptz language sql volatile parallel safe"
        " as 'select clock_timestamp()'"
    )
    op.execute("create sequence event_id_seq as bigint cache 1")
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("scope in ('ingest', 'operate', 'admin')", name="api_key_scope_is"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
    )
    op.create_table(
        "catalog",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "revision",
            sa.BigInteger(),
            server_default=sa.text("0"),
            autoincrement=False,
            nullable=False,
        ),
        sa.CheckConstraint("id = 1", name="catalog_is_one_row"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("score", sa.DOUBLE_PRECISION(), server_default="0", nullable=False),
        sa.Column("lifecycle", sa.Text(), nullable=True),
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column(
            "last_event_id",
            sa.BigInteger(),
            server_default=sa.text("0"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("window_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_events", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("external_id"),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_table(
        "document",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "document",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("kind", "key"),
    )
    op.create_table(
        "event",
        sa.Column(
            "id", sa.BigInteger(), server_default=sa.text("nextval('event_id_seq')"), nullable=False
        ),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "properties",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column(
            "stamped_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("original_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("depth", sa.SmallInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index(
        "event_by_contact", "event", ["contact_id", "name", "id", "stamped_at"], unique=False
    )
    op.create_table(
        "journey",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("active_version", sa.Integer(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state in ('draft', 'active', 'paused', 'archived')", name="journey_state_is"
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "listener",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("event_name", sa.Text(), nullable=True),
        sa.Column(
            "match",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("ref", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rest", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("timed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "visit", "slot"),
    )
    op.create_index("listener_by_contact", "listener", ["contact_id", "event_name"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "first_attempt_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column(
            "claimed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('claimed', 'sent', 'refused', 'released', 'unknown')",
            name="message_state_is",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "visit", name="message_of_visit"),
    )
    op.create_index("message_by_contact", "message", ["contact_id", "step"], unique=False)
    op.create_index(
        "message_unsettled",
        "message",
        ["claimed_at"],
        unique=False,
        postgresql_where=sa.text("state = 'claimed'"),
    )
    op.create_table(
        "outbox",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contact_id", "event_id"),
    )
    op.create_index("outbox_by_event", "outbox", ["event_id"])
    op.create_table(
        "receipt",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index(op.f("ix_receipt_received_at"), "receipt", ["received_at"], unique=False)
    op.create_table(
        "start_request",
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column(
            "answer",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "answered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("journey", "idempotency_key"),
    )
    op.create_table(
        "suppression",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address_sha256", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "suppressed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("channel", "address_sha256"),
    )
    op.create_table(
        "sweep_cursor",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "closed_until",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "visit",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ref", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("held", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column(
            "facts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "output",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("run_id", "visit"),
    )
    op.create_index(
        "visit_held",
        "visit",
        ["started_at"],
        postgresql_where=sa.text("held = 'paused' and outcome is null"),
    )
    op.create_table(
        "dead_event",
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column(
            "died_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "group_member",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column(
            "added_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("contact_id", "group_key"),
    )
    op.create_index("group_member_by_group", "group_member", ["group_key"], unique=False)
    op.create_table(
        "identity",
        sa.Column("anonymous_id", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("anonymous_id"),
    )
    op.create_index(op.f("ix_identity_contact_id"), "identity", ["contact_id"], unique=False)
    op.create_table(
        "journey_version",
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "document",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "program",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["journey"], ["journey.key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("journey", "version"),
    )
    op.create_table(
        "refusal",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column(
            "refused_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id", "journey", name="refusal_of_event"),
    )
    op.create_index("refusal_by_contact", "refusal", ["contact_id", "journey", "id"], unique=False)
    op.create_table(
        "run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("journey", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("visit", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("entry_event_id", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "entry",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("entry_ref", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ref", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("exit_rule", sa.Integer(), nullable=True),
        sa.Column("exit_visit", sa.Integer(), nullable=True),
        sa.Column("depth", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workflow_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stop_workflow", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("state in ('active', 'ended')", name="run_state_is"),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "run_active",
        "run",
        ["journey", "contact_id", "key"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index("run_by_contact", "run", ["contact_id", "journey", "started_at"], unique=False)
    op.create_index("run_by_entry_event", "run", ["entry_event_id", "journey"], unique=True)
    op.create_index("run_listing", "run", ["journey", "state", "id"], unique=False)
    op.create_index(
        "run_not_started",
        "run",
        ["started_at"],
        unique=False,
        postgresql_where=sa.text("state = 'active' and workflow_started_at is null"),
    )
    op.create_index(
        "run_to_stop", "run", ["ended_at"], unique=False, postgresql_where=sa.text("stop_workflow")
    )
    op.create_table(
        "topic_state",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state in ('subscribed', 'pending', 'unsubscribed')", name="topic_state_is"
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("contact_id", "topic"),
    )
    op.create_table(
        "fault",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("visit", sa.Integer(), nullable=True),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column(
            "happened_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("parcours.clock()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("fault_by_run", "fault", ["run_id", "id"], unique=False)
    op.execute("insert into catalog (id) values (1)")


def downgrade() -> None:
    raise RuntimeError("the first schema has nothing to go back to")
