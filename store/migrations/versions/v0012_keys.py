"""Options of API keys, and the scopes `read` and `edit`."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_OPTIONS = (
    ("source", sa.Text()),
    ("user_hash_secret", sa.Text()),
    ("origins", sa.ARRAY(sa.Text())),
    ("events_per_minute", sa.Integer()),
    ("expires_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    """Add the options. Keys that exist may go on to change addresses."""
    for name, kind in _OPTIONS:
        op.add_column("api_key", sa.Column(name, kind, nullable=True))
    op.add_column(
        "api_key",
        sa.Column(
            "may_change_addresses", sa.Boolean(), nullable=False, server_default=sa.text("true")
        ),
    )
    op.drop_constraint("api_key_scope_is", "api_key")
    op.create_check_constraint(
        "api_key_scope_is", "api_key", "scope in ('ingest', 'read', 'edit', 'operate', 'admin')"
    )


def downgrade() -> None:
    """Remove the options. Keys of the new scopes are revoked: no older scope is as narrow."""
    op.execute(
        "update api_key set revoked_at = coalesce(revoked_at, now()), scope = 'ingest'"
        " where scope in ('read', 'edit')"
    )
    op.drop_constraint("api_key_scope_is", "api_key")
    op.create_check_constraint(
        "api_key_scope_is", "api_key", "scope in ('ingest', 'operate', 'admin')"
    )
    op.drop_column("api_key", "may_change_addresses")
    for name, _ in reversed(_OPTIONS):
        op.drop_column("api_key", name)
