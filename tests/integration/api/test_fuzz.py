"""Fuzz of the whole API from its OpenAPI description, with a key of each kind and with none."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from infra.settings import Settings
from tests.integration.api.conftest import Keys

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")

JOURNEY = """\
journey: welcome
entry:
  - api: true
steps:
  - id: rest
    wait: 30d
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with links, so that the public routes are at work."""
    return settings.model_copy(
        update={
            "public_url": "https://links.example",
            "link_keys": (SecretStr("k" * 32),),
            "spool": tmp_path / "spool",
        }
    )


@pytest.mark.long
@pytest.mark.parametrize(("scope", "seconds"), [("admin", 45), ("ingest", 20), ("none", 15)])
async def test_no_request_is_answered_by_what_is_not_described(
    api_url: str, keys: Keys, admin: httpx.AsyncClient, tmp_path: Path, scope: str, seconds: int
) -> None:
    """`FUZZ_SECONDS=1200` plays it in full."""
    seconds = int(os.environ.get("FUZZ_SECONDS", seconds))
    document = {"filename": "welcome.yaml", "source": JOURNEY}
    assert (await admin.post("/v1/apply", json={"documents": [document]})).is_success
    assert (await admin.put("/v1/contacts/u-1", json={"email": "u@example.com"})).is_success
    begun = await admin.post("/v1/journeys/welcome/runs", json={"contact": "u-1"})
    assert begun.is_success
    arguments = ["run", f"{api_url}/openapi.json", "--max-time", str(seconds), "--checks", "all"]
    arguments += ["--continue-on-failure", "--no-color", "--generation-database", "none"]
    if scope != "none":
        arguments += ["--header", f"Authorization: Bearer {getattr(keys, scope)}"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(CONFIGURATION),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
