"""Fuzz of the whole API from its OpenAPI description, with a key of each kind and with none."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from infra.settings import Settings
from journeys.links.message_urls import PATHS
from journeys.links.tokens import LinkKeys
from tests.integration.api.conftest import Keys
from tests.support.messages import Pool, add_contact, add_message

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")

TOPIC = """\
topic: tips
name: Tips
default: opt_out
"""
LINK_KEY = "k" * 32
FORM = """\
form: letters
fields:
  - {name: email, label: E-mail, type: email}
  - {name: size, label: Size, type: choice, options: [small, large]}
"""
JOURNEY = """\
journey: welcome
entry:
  - api: true
steps:
  - id: rest
    wait: 30d
  - id: fork
    split:
      - {name: a, weight: 1}
      - {name: b, weight: 1}
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with links and a topic of notifications, so that the public routes are at work."""
    return settings.model_copy(
        update={
            "public_url": "https://links.example",
            "link_keys": (SecretStr(LINK_KEY),),
            "spool": tmp_path / "spool",
            "sns_topics": ("arn:aws:sns:us-east-1:123456789012:events",),
        }
    )


@pytest.mark.long
@pytest.mark.parametrize(("scope", "seconds"), [("admin", 30), ("ingest", 14), ("none", 10)])
async def test_no_request_is_answered_by_what_is_not_described(
    api_url: str,
    keys: Keys,
    admin: httpx.AsyncClient,
    pool: Pool,
    tmp_path: Path,
    scope: str,
    seconds: int,
) -> None:
    """`FUZZ_SECONDS=1200` plays it in full.

    Without a key, links are those of a message, so that the pages behind them answer, and the form
    is one that is there.
    """
    seconds = int(os.environ.get("FUZZ_SECONDS", seconds))
    document = {"filename": "welcome.yaml", "source": f"{TOPIC}---\n{FORM}---\n{JOURNEY}"}
    assert (await admin.post("/v1/apply", json={"documents": [document]})).is_success
    assert (await admin.put("/v1/contacts/u-1", json={"email": "u@example.com"})).is_success
    begun = await admin.post("/v1/journeys/welcome/runs", json={"contact": "u-1"})
    assert begun.is_success
    arguments = ["run", f"{api_url}/openapi.json", "--max-time", str(seconds), "--checks", "all"]
    arguments += ["--continue-on-failure", "--no-color", "--generation-database", "none"]
    configuration = CONFIGURATION.read_text(encoding="utf-8")
    if scope == "none":
        contact = await add_contact(pool, email="reader@example.com")
        configuration += genuine_links(await add_message(pool, contact, topic="tips"))
        configuration += _fixed("/f/{form}", "form", "letters")
    else:
        arguments += ["--header", f"Authorization: Bearer {getattr(keys, scope)}"]
    written = tmp_path / "schemathesis.toml"
    written.write_text(configuration, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(written),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


def genuine_links(message: UUID) -> str:
    """Configuration by which the paths of links have the tokens of this message."""
    keys = LinkKeys([LINK_KEY])
    paths = {
        f"{path}{{token}}{'.gif' if kind == 'open' else ''}": keys.token(kind, message)
        for kind, path in PATHS.items()
    }
    return "".join(_fixed(path, "token", token) for path, token in paths.items())


def _fixed(path: str, name: str, value: str) -> str:
    return (
        f'\n[[operations]]\ninclude-path = "{path}"\nparameters = {{ "path.{name}" = "{value}" }}\n'
    )
