"""`parcours migrate`, `parcours key create` and what the parts say to wrong settings."""

import os
from pathlib import Path

import psycopg
import pytest

from devstack.ports import free_port
from store.operations.api_keys import find_key
from tests.support.forked import forked_output
from tests.support.servers import Servers


async def parcours(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command."""
    return await forked_output(arguments, {**os.environ, **environment})


@pytest.mark.parametrize("scope", ["ingest", "read", "edit", "operate", "admin"])
async def test_a_created_key_is_printed_and_has_its_scope(database_url: str, scope: str) -> None:
    code, out, err = await parcours("key", "create", "--scope", scope, DATABASE_URL=database_url)
    assert (code, err) == (0, "")
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        key = await find_key(connection, out.strip())
    assert key is not None
    assert key.scope == scope


async def test_an_unknown_scope_is_refused_with_those_there_are(database_url: str) -> None:
    code, _out, err = await parcours("key", "create", "--scope", "root", DATABASE_URL=database_url)
    assert code == 2
    assert "ingest" in err
    assert "admin" in err


async def test_migrate_makes_the_tables_and_may_be_repeated(servers: Servers) -> None:
    url = servers.database("bare_for_migrate")
    async with await psycopg.AsyncConnection.connect(
        servers.postgres_url, autocommit=True
    ) as connection:
        await connection.execute("CREATE DATABASE bare_for_migrate")
    code, _out, err = await parcours("key", "create", "--scope", "admin", DATABASE_URL=url)
    assert (code, err) == (
        1,
        "parcours: the database has no tables yet: run `parcours migrate` first\n",
    )
    for _time in range(2):
        code, out, err = await parcours("migrate", DATABASE_URL=url)
        assert (code, out, err) == (0, "the database is up to date\n", "")
    code, out, _err = await parcours("key", "create", "--scope", "admin", DATABASE_URL=url)
    assert code == 0
    assert out.startswith("pk_admin_")


@pytest.mark.parametrize(
    "arguments", [["migrate"], ["key", "create", "--scope", "admin"], ["api"], ["worker"]]
)
async def test_a_part_without_a_database_says_so_in_one_line(arguments: list[str]) -> None:
    code, out, err = await parcours(*arguments)
    assert (code, out, err) == (1, "", "parcours: DATABASE_URL is not set\n")


@pytest.mark.parametrize("arguments", [["migrate"], ["key", "create", "--scope", "admin"]])
async def test_a_database_that_is_away_is_one_line(arguments: list[str]) -> None:
    url = f"postgresql://parcours@127.0.0.1:{free_port()}/parcours"
    code, out, err = await parcours(*arguments, DATABASE_URL=url)
    assert (code, out) == (5, "")
    assert err.startswith("parcours: the database cannot be reached: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("PARCOURS_SPOOL", "parcours: PARCOURS_SPOOL: cannot write to {file}: File exists\n"),
        (
            "PARCOURS_SCANNERS",
            "parcours: PARCOURS_SCANNERS: {file}, line 1: 'nowhere' is no network\n",
        ),
    ],
)
async def test_an_api_that_cannot_record_links_says_so_in_one_line(
    tmp_path: Path, name: str, line: str
) -> None:
    file = tmp_path / "file"
    file.write_text("nowhere\n")
    links = {
        "PARCOURS_PUBLIC_URL": "https://links.example",
        "PARCOURS_LINK_KEYS": "k" * 32,
        "PARCOURS_SPOOL": str(tmp_path / "spool"),
    }
    given = {"DATABASE_URL": "postgresql://nowhere/", **links, name: str(file)}
    code, out, err = await parcours("api", **given)
    assert (code, out, err) == (1, "", line.format(file=file))
