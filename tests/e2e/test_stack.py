"""The first journey of the README, tried as a person would: by commands and HTTP alone."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
from temporalio.client import Client

from journeys.protocol.names import WORKFLOW
from tests.support.conditions import eventually
from tests.support.stack import FREE_PORTS, DevStack, dev_stack
from tests.support.temporal import current_details

README = Path(__file__).parents[2] / "README.md"
DAY_A_SECOND = "--speed=86400"


def journey_of_the_readme() -> str:
    """The document of the README's first journey."""
    found = re.search(r"^```yaml\n(.*?)^```$", README.read_text(encoding="utf-8"), re.S | re.M)
    assert found is not None
    return found.group(1)


async def parcours(stack: DevStack, *arguments: str) -> str:
    """What a command prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cli.main", *arguments, f"--data-dir={stack.data_dir}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def show_only_run(stack: DevStack, described: dict[str, Any]) -> dict[str, Any]:
    """The one run there is, with its visits."""
    key = described["keys"]["operate"]
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as client:
        [run] = (await client.get(f"{described['api']}/v1/runs")).json()["items"]
    shown: dict[str, Any] = json.loads(await parcours(stack, "run", "show", run["id"], "--json"))
    return shown


async def post_sign_up(described: dict[str, Any]) -> None:
    """The README's call: who Ada is, and that she signed up."""
    batch = [
        {
            "type": "identify",
            "userId": "ada",
            "traits": {"first_name": "Ada", "email": "ada@example.com"},
        },
        {"type": "track", "userId": "ada", "event": "Signed Up"},
    ]
    async with httpx.AsyncClient(auth=(described["keys"]["ingest"], "")) as client:
        answer = await client.post(f"{described['api']}/v1/batch", json={"batch": batch})
    assert (answer.status_code, answer.json()) == (
        200,
        {"success": True, "rejected": [], "warnings": []},
    )


async def subjects(described: dict[str, Any]) -> list[str]:
    """The subjects of what reached Ada, oldest first."""
    async with httpx.AsyncClient() as client:
        inbox = await client.get(f"{described['api']}/dev/inbox", params={"to": "ada@example.com"})
    return [mail["subject"] for mail in inbox.json()]


async def holds_no_documents(described: dict[str, Any]) -> None:
    """Check that a stack makes no documents by itself, not even those of its shop."""
    auth = (described["keys"]["operate"], "")
    async with httpx.AsyncClient(base_url=described["api"], auth=auth) as client:
        for kind in ("journeys", "topics", "templates", "forms", "brands"):
            assert (await client.get(f"/v1/{kind}")).json()["items"] == []


async def test_the_first_journey_of_the_readme_runs_as_it_says(tmp_path: Path) -> None:
    file = tmp_path / "first-steps.yaml"
    file.write_text(journey_of_the_readme(), encoding="utf-8")
    async with dev_stack(tmp_path / "data", *FREE_PORTS, DAY_A_SECOND) as stack:
        described = await stack.ready()
        await eventually(lambda: "waits are divided by 86400" in stack.text)
        await holds_no_documents(described)
        applied = await parcours(stack, "journey", "apply", "--yes", str(file))
        assert "first-steps" in applied

        await post_sign_up(described)

        async def both_mails() -> bool:
            return await subjects(described) == ["Welcome, Ada", "Shall we show you around?"]

        await eventually(both_mails, 30, every=0.2)

        run = await show_only_run(stack, described)
        assert (run["contact"], run["state"], run["outcome"]) == ("ada", "ended", "completed")
        assert [(visit["step"], visit["outcome"]) for visit in run["visits"]] == [
            ("hello", "sent"),
            ("tried", "timed_out"),
            ("interest", "else"),
            ("nudge", "sent"),
        ]

        stats = json.loads(await parcours(stack, "stats", "first-steps", "--json"))
        assert (stats["entered"], stats["active"], stats["ends"]) == (1, 0, {"completed": 1})
        assert {step["id"]: (step["reached"], step["sent"]) for step in stats["steps"]} == {
            "hello": (1, 1),
            "tried": (1, 0),
            "interest": (1, 0),
            "templates": (0, 0),
            "nudge": (1, 1),
        }

        temporal = await Client.connect(described["temporal"])
        handle = temporal.get_workflow_handle(run["workflow_id"])
        assert (await handle.describe()).workflow_type == WORKFLOW
        details = await current_details(temporal, handle)
        assert details.splitlines()[0] == "Ended as **completed**."
        assert f"{described['api']}/console/runs/{run['id']}" in details

        assert await stack.stop() == 0
        await stack.nothing_left()
        assert not psutil.pid_exists(stack.process.pid)
