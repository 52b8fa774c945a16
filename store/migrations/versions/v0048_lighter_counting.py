"""A row that is counted looks its run up once, and appends its deltas without joins."""

import re
from pathlib import Path

from alembic import op

revision = "0048"
down_revision = "0047"

_HERE = Path(__file__)
_FUNCTIONS = re.compile(
    r"create or replace function parcours\.(?P<name>\w+)\(\).*?\$\$.*?\$\$\s*;", re.S
)


def upgrade() -> None:
    _run(_HERE.with_suffix(".sql").read_text())


def downgrade() -> None:
    earlier = {
        found["name"]: found[0]
        for file in ("v0036_figures.sql", "v0045_reading_speed.sql")
        for found in _FUNCTIONS.finditer(_HERE.with_name(file).read_text())
    }
    for found in _FUNCTIONS.finditer(_HERE.with_suffix(".sql").read_text()):
        _run(earlier[found["name"]])


def _run(statements: str) -> None:
    # Without parameters, so that a percent sign and a colon stand for themselves.
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(statements)
