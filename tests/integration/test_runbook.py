"""The runbook: every command and every call in it is made, in order, against an engine at work."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from temporalio.client import Client

from cli.main import app
from infra.settings import Settings
from tests.support.conditions import eventually
from tests.support.operating import Operator, operating
from tests.support.smtp import SmtpSink

PAGE: Final = Path(__file__).parents[2] / "docs" / "runbook.md"
WRITING: Final = "RUNBOOK_SAMPLES" in os.environ
"""Set: the samples of the page are written, not compared."""
CONTACTS: Final = ("ada", "bea", "cleo", "dora")
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```\n", re.S | re.M)
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LINES: Final = re.compile(r"[\s─]+")
_SHOWN: Final = 12
"""Lines of a sample."""
_MORE: Final = "…"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of the page, and where it ends."""

    language: str
    text: str
    end: int


def blocks(text: str) -> list[Block]:
    return [Block(each[1], each[2], each.end()) for each in _BLOCK.finditer(text)]


def shape(text: str) -> set[str]:
    """The lines of what is printed, without what changes from one time to the next."""
    lines = _ID.sub("ID", text).splitlines()
    plain = [_LINES.sub(" ", re.sub(r"\d[\d.:,]*", "#", line)).strip() for line in lines]
    return {line for line in plain if line} - {_MORE}


def known(line: str) -> bool:
    """Whether the command is there."""
    name = shlex.split(line)[1]
    return name in {*(each.name for each in app.registered_commands)} | {
        each.name for each in app.registered_groups
    }


@pytest.fixture
def page() -> Iterator[list[str]]:
    """The page, in a list of one, which is written again in the end if that is asked for."""
    text = [PAGE.read_text(encoding="utf-8")]
    yield text
    if WRITING:
        PAGE.write_text(text[0], encoding="utf-8")


@pytest.mark.long
async def test_every_question_is_answered_by_its_command_and_its_call(
    settings: Settings,
    pool: AsyncConnectionPool[AsyncConnection[Any]],
    temporal_client: Client,
    smtp_sink: SmtpSink,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    page: list[str],
) -> None:
    async with operating(settings, pool, temporal_client, smtp_sink, tmp_path) as operator:
        for name, value in operator.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        await set_up(operator, versions_of(page[0]))
        await ask(operator, page)


def versions_of(text: str) -> list[Path]:
    """Three files of the page's documents; the last is as the page has it."""
    [documents] = [each.text for each in blocks(text) if each.language == "yaml"]
    files = []
    for wait in ("12h", "1d", "2d"):
        files.append(Path(f"samples-{wait}.yaml"))
        files[-1].write_text(documents.replace("wait: 2d", f"wait: {wait}"))
    return files


async def set_up(operator: Operator, files: list[Path]) -> None:
    """The contacts of the page's samples, where they stand, and what was refused."""
    for file in files:
        await operator.command(f"parcours journey apply --yes {file}")

    await operator.command("parcours journey pause crm")
    await operator.sign_up("eve")

    async def refused() -> Any:
        found = await operator.items("/v1/events/rejected")
        return found and found[0]["id"]

    operator.names["REJECTION"] = str(await eventually(refused))
    await operator.command("parcours journey resume crm")
    for contact in CONTACTS:
        await operator.sign_up(contact)

    async def standing() -> Any:
        found = await operator.items("/v1/runs", state="active")
        places = {(each["contact"], each["journey"]): each for each in found}
        for contact in CONTACTS:
            if places.get((contact, "welcome"), {}).get("step") != "pause":
                return None
            run = places.get((contact, "crm"))
            if run is None or run["step"] != "tell":
                return None
            shown = (await operator.http.get(f"/v1/runs/{run['id']}")).json()
            if shown["visits"][-1].get("held") != "retry":
                return None
        return {
            "RUN_OF_ADA": places["ada", "crm"]["id"],
            "RUN_OF_BEA": places["bea", "welcome"]["id"],
            "RUN_OF_DORA": places["dora", "welcome"]["id"],
        }

    operator.names |= await eventually(standing, 60)
    messages = await operator.items("/v1/contacts/ada/messages")
    operator.names["MESSAGE"] = next(each["id"] for each in messages if each["step"] == "hello")


async def ask(operator: Operator, page: list[str]) -> None:
    """Give every command and make every call of the page, and compare what is printed."""
    text = page[0]
    paths = (await operator.http.get("/openapi.json")).json()["paths"]
    written: list[tuple[Block, str]] = []
    found = blocks(text)
    made = 0
    for place, block in enumerate(found):
        if block.language == "http":
            if "/v1/dashboard" in block.text and "/v1/dashboard" not in paths:
                continue
            await operator.call(block.text)
            made += 1
        if block.language != "sh":
            continue
        printed = ""
        for line in block.text.splitlines():
            if line == "parcours today" and not known(line):
                continue
            printed += await operator.command(line)
            made += 1
        if WRITING:
            written.append((block, printed))
        elif printed and found[place + 1].language == "text":
            sample = shape(found[place + 1].text)
            # Some lines depend on how far the engine has come.
            assert len(sample & shape(printed)) >= len(sample) / 2, (block.text, printed)
    assert made > 45
    for block, printed in reversed(written):
        rest = re.sub(r"\A```text\n.*?^```\n", "", text[block.end :], flags=re.S | re.M)
        lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
        lines = [line for line in lines if line]
        shown = [*lines[:_SHOWN], _MORE] if len(lines) > _SHOWN + 1 else lines
        fenced = "\n".join(["```text", *shown, "```", ""]) if lines else ""
        text = text[: block.end] + fenced + rest
    page[0] = text


def test_every_command_that_it_names_is_there() -> None:
    """Also those in its sentences: the command, and each of its options."""
    command = typer.main.get_command(app)
    for line in re.findall(r"`(parcours [^`]+)`", PAGE.read_text(encoding="utf-8")):
        if not known(line):
            assert line == "parcours today"
            continue
        found: Any = command
        words = shlex.split(line)[1:]
        while hasattr(found, "commands") and words and words[0] in found.commands:
            found = found.commands[words.pop(0)]
        options = {option for each in found.params for option in each.opts}
        assert not (hasattr(found, "commands") and words), line
        for word in words:
            if word.startswith("-"):
                assert word in options, line
