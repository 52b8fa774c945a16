"""Errors of the database: only an outage is called one."""

import httpx
from psycopg import sql

from tests.integration.api.conftest import Pool

CASES = [
    ("40P01", 503, "database_busy"),
    ("57014", 503, "database_busy"),
    ("57P03", 503, "database_away"),
    ("54000", 500, "internal_error"),
]


async def test_a_deadlock_or_a_timeout_is_no_outage(operate: httpx.AsyncClient, pool: Pool) -> None:
    answers = []
    for state, _, _ in CASES:
        refuse = sql.SQL(
            "create or replace function refuse() returns trigger language plpgsql as $$"
            " begin raise exception 'refused for a test' using errcode = {}; end $$"
        ).format(sql.Literal(state))
        async with pool.connection() as conn:
            await conn.execute(refuse)
            await conn.execute(
                "create or replace trigger refuse before insert on contact"
                " for each row execute function refuse()"
            )
        answer = await operate.put("/v1/contacts/new", json={"attributes": {"n": 1}})
        answers.append((state, answer.status_code, answer.json()["code"]))
    assert answers == CASES
