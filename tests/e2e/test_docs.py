"""The pages on messages and on deliverability: every command in them, run in their order."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest
from pydantic import SecretStr
from temporalio.client import Client

from infra.settings import Settings
from store.operations.api_keys import create_key
from tests.support.amazon import ses_event
from tests.support.api import serving
from tests.support.conditions import eventually
from tests.support.dns_server import Records, serving_names
from tests.support.engine import engine_at_work
from tests.support.ses_account import TOKENS, running_amazon
from tests.support.stack import FREE_PORTS, dev_stack

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language, in their order."""
    found = _BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    return [text for named, text in found if named == language]


class Shell:
    """One shell session after the other, each with the variables that the one before left."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, wrapped: str = "") -> None:
        self.folder = folder
        tools = folder / "tools"
        tools.mkdir()
        python = sys.executable
        for name, text in {
            "parcours": f'{wrapped}exec {python} -P -m cli.main "$@"',
            "aws": f'exec {python} -m tests.support.aws_command "$@"',
            "python": f'exec {python} "$@"',
        }.items():
            (tools / name).write_text(f"#!/bin/sh\n{text}\n")
            (tools / name).chmod(0o755)
        self.variables = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            **environment,
        }

    async def run(self, commands: str) -> str:
        """What the commands print; each must succeed."""
        script = f"set -euo pipefail\nset -a\n{commands}\nenv -0 > .variables\n"
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", script, cwd=self.folder, env=self.variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        printed = out.decode()
        assert process.returncode == 0, f"{commands}\n{printed}"
        left = (self.folder / ".variables").read_text().split("\0")
        kept = dict(each.split("=", 1) for each in left if "=" in each)
        self.variables |= {name: kept[name] for name in kept if name not in ("PWD", "_", "SHLVL")}
        return printed


@pytest.mark.long
async def test_the_page_on_messages_runs_as_it_says(tmp_path: Path) -> None:
    [documents] = blocks("messages.md", "yaml")
    (tmp_path / "offers.yaml").write_text(documents, encoding="utf-8")
    commands = iter(blocks("messages.md", "sh"))
    async with dev_stack(tmp_path / ".parcours", *FREE_PORTS) as stack:
        described = await stack.ready()
        shell = Shell(tmp_path, {"API": described["api"], "KEY": described["keys"]["ingest"]})
        applied = await shell.run(next(commands))
        assert "spring" in applied
        tried = await shell.run(next(commands))
        assert "Mocassin" in tried
        assert "sent to me@example.com" in tried
        await shell.run(next(commands))

        async def arrived() -> bool:
            listed = await shell.run("parcours message list --contact ada --status sent --json")
            return len(json.loads(listed)["items"]) == 1

        await eventually(arrived, 30, what="the mail of the journey")
        assert "offers" in await shell.run(next(commands))
        assert "mail" in await shell.run(next(commands))
        shown = await shell.run(next(commands))
    assert "De nouvelles chaussures" in shown
    assert "<li>Mocassin</li>" in shown
    assert list(commands) == []


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Credentials that moto takes."""
    found = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def records_of_the_page() -> Records:
    """The records that the page asks for, with the tokens that SES gave."""
    [zone] = blocks("deliverability.md", "zone")
    for number, token in enumerate(TOKENS, start=1):
        zone = zone.replace(f"TOKEN{number}", token)
    records: Records = {}
    for line in zone.splitlines():
        name, kind, value = line.split(maxsplit=2)
        records.setdefault((name, kind), []).append(value)
    return records


@pytest.mark.long
async def test_the_page_on_deliverability_leads_to_a_mail_that_ses_delivers(
    settings: Settings,
    pool: Any,
    temporal_client: Client,
    moto_endpoint: str,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    commands = blocks("deliverability.md", "sh")
    async with running_amazon(moto_endpoint) as ses, serving_names(records_of_the_page()) as names:
        # The doctor asks the page's records, and reaches the public address here.
        here = tmp_path / "public-url"
        wrapped = (
            f'if [ "$1" = doctor ]; then export PARCOURS_PUBLIC_URL=$(cat {here});'
            f' set -- "$@" --resolver {names}; fi\n'
        )
        environment = {
            **credentials,
            **settings.temporal,
            "AWS_ENDPOINT_URL": ses.url,
            "DATABASE_URL": settings.database_url,
            "PARCOURS_SPOOL": str(tmp_path / "spool"),
        }
        shell = Shell(tmp_path, environment, wrapped=wrapped)
        identity, account, events, variables, doctor, first, moving, after = commands
        assert (await shell.run(identity)).split()[-3:] == TOKENS
        for made in (account, events, variables):
            await shell.run(made)
        given = {
            "ses_queue_url": shell.variables["QUEUE"],
            "ses_configuration_set": shell.variables["PARCOURS_SES_CONFIGURATION_SET"],
            "from_address": shell.variables["PARCOURS_FROM"],
            "link_keys": (SecretStr(shell.variables["PARCOURS_LINK_KEYS"]),),
            "public_url": shell.variables["PARCOURS_PUBLIC_URL"],
            "email": shell.variables["PARCOURS_EMAIL"],
            "aws_region": shell.variables["AWS_REGION"],
            "aws_endpoint_url": ses.url,
            "spool": tmp_path / "spool",
        }
        live = settings.model_copy(update=given)
        async with pool.connection() as conn:
            key = await create_key(conn, "admin")
        async with engine_at_work(live, pool, temporal_client) as engine:
            with serving(live) as url:
                here.write_text(url)
                shell.variables |= {"PARCOURS_API_URL": url, "PARCOURS_API_KEY": key}
                report = await shell.run(doctor)
                assert [line for line in report.splitlines() if line.startswith("fail")] == []
                assert re.search(r"^ok +SES events ", report, re.M)
                assert re.search(r"^ok +DKIM ", report, re.M)
                sent = await shell.run(first)
                assert "sent to success@simulator.amazonses.com" in sent
                assert "Bonjour" in sent

                # A mail of the journey, of which SES reports a bounce by the topic and the queue.
                await engine.activate(
                    "journey: bill\nentry: {event: Billed}\nsteps:\n  - {id: mail,"
                    " email: {subject: Bill, text: Pay, transactional: true}}\n"
                )
                contact = await engine.contact(email="bounce@simulator.amazonses.com")
                await engine.event(contact, "Billed")
                await engine.ended(contact)
                async with pool.connection() as conn:
                    row = await (
                        await conn.execute("select id, provider_id from message")
                    ).fetchone()
                record = ses_event("Bounce", row[1], message_id=row[0])
                topics = boto3.client("sns", region_name="eu-west-1", endpoint_url=moto_endpoint)
                topics.publish(
                    TopicArn=shell.variables["TOPIC"], Message=orjson.dumps(record).decode()
                )

                async def bounced() -> bool:
                    listed = await shell.run("parcours message list --status bounced --json")
                    return [each["id"] for each in json.loads(listed)["items"]] == [str(row[0])]

                await eventually(bounced, 40, what="the bounce")
                await shell.run(moving)
                assert str(row[0]) in await shell.run(after)
    assert {name for name, _ in ses.changes} == {"mail-from", "details", "suppression"}
