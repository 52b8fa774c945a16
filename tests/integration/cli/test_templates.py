"""`parcours template`, against a real API and a worker."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from cli.main import app
from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.api import serving

FILE = """\
template: cart
subject: "Your cart, {{ contact.first_name }}"
html: '<p>Hello {{ contact.first_name }} <a href="/cart">Go</a> <img src="https://x.example/a.png"></p>'
sms: "Hi {{ contact.first_name }} – look"
locales: {fr: {subject: Votre panier}}
"""


@pytest.fixture
async def server(
    settings: Settings, pool: AsyncConnectionPool[AsyncConnection[object]]
) -> AsyncIterator[dict[str, str]]:
    """Where the command finds an API, and a key of it."""
    async with pool.connection() as conn:
        key = await create_key(conn, "operate")
        await conn.execute(
            "insert into contact (id, external_id, locale, attributes) values"
            " (gen_random_uuid(), 'c-1', 'fr', '{\"first_name\": \"Zoé\"}')"
        )
    with capture_logs(), serving(settings) as url:
        yield {"PARCOURS_API_URL": url, "PARCOURS_API_KEY": key}


def run(server: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "240", **server})


def test_templates_are_applied_listed_shown_and_previewed(
    server: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "cart.yaml"
    file.write_text(FILE)
    applied = run(server, "journey", "apply", str(file), "--yes")
    assert applied.exit_code == 0, applied.stderr
    assert "the link `/cart` is relative" in applied.stderr
    listed = run(server, "template", "list").stdout
    assert listed.rstrip().splitlines()[-1].split()[:3] == ["cart", "Your", "cart,"]
    assert run(server, "template", "show", "cart", "--source").stdout == FILE
    shown = run(server, "template", "preview", "cart", "--contact", "c-1")
    assert shown.exit_code == 0, shown.stderr
    assert "Votre panier" in shown.stdout
    assert "Hello Zoé Go (/cart)" in shown.stdout
    assert "the image `https://x.example/a.png` has no `alt`" in shown.stderr
    html = run(server, "template", "preview", "cart", "--contact", "c-1", "--html")
    assert html.stdout.startswith("<p>Hello Zoé <a")
    variables = tmp_path / "variables.json"
    variables.write_text('{"contact": {"first_name": "Ada"}}')
    ada = run(
        server, "template", "preview", "cart", "--variables", str(variables), "--locale", "en",
        "--json",
    )  # fmt: skip
    assert json.loads(ada.stdout)["subject"] == "Your cart, Ada"
    # A file that is being written is shown as it is, and what is saved stays.
    file.write_text(FILE.replace("Votre panier", "Votre cabas"))
    drafted = run(
        server, "template", "preview", "cart", "--contact", "c-1", "--file", str(file), "--json"
    )
    assert json.loads(drafted.stdout)["subject"] == "Votre cabas"
    assert "Votre panier" in run(server, "template", "show", "cart", "--source").stdout
    file.write_text(FILE + "subjekt: S\n")
    refused = run(server, "template", "preview", "cart", "--file", str(file))
    assert (refused.exit_code, "did you mean `subject`?" in refused.stderr) == (1, True)


def test_what_goes_wrong_has_its_status(server: dict[str, str], tmp_path: Path) -> None:
    missing = run(server, "template", "preview", "nope")
    assert (missing.exit_code, missing.stderr) == (3, "parcours: there is no template 'nope'\n")
    both = run(server, "template", "preview", "nope", "--html", "--text")
    assert both.exit_code == 2
    wrong = run(server, "template", "send", "nope", "--to", "me@example.com")
    assert wrong.exit_code == 3
    file = tmp_path / "cart.yaml"
    file.write_text(FILE)
    run(server, "journey", "apply", str(file), "--yes")
    bad = run(server, "template", "send", "cart", "--to", "my house")
    assert (bad.exit_code, "give an e-mail address or a phone number" in bad.stderr) == (1, True)


def test_files_are_linted_without_a_server(tmp_path: Path) -> None:
    file = tmp_path / "cart.yaml"
    file.write_text(FILE)
    report = run({}, "template", "lint", str(file))
    assert report.exit_code == 0, report.stderr
    assert "1 × UCS-2" in report.stdout
    assert "first_name" in report.stdout
    assert "cart.yaml:4: warning: `–` (U+2013) makes the whole SMS UCS-2: 10 units" in report.stderr
    as_json = json.loads(run({}, "template", "lint", str(file), "--json").stdout)
    assert [each["locale"] for each in as_json["templates"]] == [None, "fr"]
    file.write_text(FILE.replace("subject: Votre", "layout: x\nsubject: Votre").replace("{{", "{%"))
    assert run({}, "template", "lint", str(file)).exit_code == 1
