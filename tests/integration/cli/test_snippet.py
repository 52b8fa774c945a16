"""`parcours snippet`: what a site pastes into its pages."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app

KEY = "pk_ingest_abc-_123"


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """The folder of a stack that runs on port 8000."""
    described = {"api": "http://127.0.0.1:8000", "keys": {"ingest": "pk_ingest_dev"}}
    (tmp_path / "stack.json").write_text(json.dumps(described))
    return tmp_path


def run(*arguments: str, **environment: str) -> Result:
    variables = {"PARCOURS_PUBLIC_URL": None, "PARCOURS_API_URL": None, **environment}
    return CliRunner().invoke(app, ["snippet", *arguments], env=variables)


def test_the_snippet_of_a_stack_has_its_address_and_its_key(stack: Path) -> None:
    printed = run(f"--data-dir={stack}")
    assert printed.exit_code == 0, printed.output
    first, second = printed.stdout.splitlines()
    assert second == (
        '<script async src="http://127.0.0.1:8000/parcours.js" data-key="pk_ingest_dev"></script>'
    )
    inline = re.fullmatch(r"<script>(.*)</script>", first)
    assert inline is not None
    digest = b64encode(sha256(inline[1].encode()).digest()).decode()
    assert (
        f"script-src http://127.0.0.1:8000 'sha256-{digest}'; connect-src http://127.0.0.1:8000"
        in printed.stderr
    )
    assert run(f"--data-dir={stack}", "--no-stub").stdout.splitlines() == [second]


def test_the_public_url_wins_and_needs_a_key_that_works_there(stack: Path) -> None:
    elsewhere = {"PARCOURS_PUBLIC_URL": "https://links.example/in/"}
    parts = json.loads(run("--json", f"--key={KEY}", f"--data-dir={stack}", **elsewhere).stdout)
    assert parts["tag"] == (
        f'<script async src="https://links.example/in/parcours.js" data-key="{KEY}"></script>'
    )
    assert parts["html"].endswith(parts["tag"])
    assert parts["policy"].endswith("; connect-src https://links.example")
    # The key of the stack is of another installation.
    refused = run(f"--data-dir={stack}", **elsewhere)
    assert refused.exit_code == 2
    assert "--key" in refused.stderr


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("pk_operate_abc", "its scope must be ingest"),
        ('"><script>', "characters that no key has"),
    ],
)
def test_a_key_that_a_page_must_not_have_is_refused(stack: Path, key: str, words: str) -> None:
    refused = run(f"--key={key}", f"--data-dir={stack}")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert words in refused.stderr


def test_without_a_server_it_says_what_to_set(tmp_path: Path) -> None:
    refused = run(f"--key={KEY}", f"--data-dir={tmp_path}")
    assert refused.exit_code == 2
    assert "PARCOURS_PUBLIC_URL" in refused.stderr
