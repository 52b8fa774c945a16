"""`parcours explain`: why a contact got a message, did not, or not yet."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server
from cli.errors import ExitCode, refuse
from cli.tables import at_second, in_words, print_table, screen

_PASSED = {True: "yes", False: "NO"}


def run(
    contact: Annotated[
        str | None, typer.Argument(help="The contact's external id, or our id.")
    ] = None,
    journey: Annotated[str | None, typer.Argument(help="The journey's key.")] = None,
    step: Annotated[
        str | None, typer.Option(help="The step, such as a message; by default all of it.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="As of when, such as 2026-11-24T08:30:00Z; by default now.")
    ] = None,
    message: Annotated[
        str | None,
        typer.Option(help="Instead of a contact and a journey: a message that went out."),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Say why a contact got a message of a journey, did not, or not yet: every gate, in order."""
    if message is None and (contact is None or journey is None):
        refuse("say a contact and a journey, or --message ID", ExitCode.USAGE)
    if message is not None and (contact or step or at):
        refuse("--message stands alone", ExitCode.USAGE)
    answer = find_server(data_dir, scope="operate").get(
        "/v1/explain", contact=contact, journey=journey, step=step, at=at, message=message
    )
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    console = screen()
    console.print(found["answer"], soft_wrap=True)
    needed = next((gate["would_need"] for gate in found["gates"] if gate["would_need"]), None)
    if needed:
        console.print(f"what would have to be otherwise: {needed}", soft_wrap=True)
    console.print()
    print_table(
        ["gate", "passed", "by", "at", "why", "values"],
        [
            (gate["gate"], _PASSED.get(gate["passed"], "?"), gate["source"], at_second(gate["at"]),
             gate["words"], _values(gate))
            for gate in found["gates"]
        ],
    )  # fmt: skip
    for gate in found["gates"]:
        if gate["condition"] is not None and gate["passed"] is not True:
            console.print(f"{gate['gate']}, part by part:", soft_wrap=True)
            for depth, part in _parts(gate["condition"], 1):
                mark = "yes" if part["holds"] else "NO "
                seen = f"  ({in_words(part['saw'])})" if part["saw"] else ""
                console.print(f"{'  ' * depth}{mark} {part['words']}{seen}", soft_wrap=True)
    if found["attempts"]:
        console.print()
        print_table(
            ["at", "event", "became", "words"],
            [
                (at_second(each["at"]), _event(each), each["became"], each["words"])
                for each in found["attempts"]
            ],
        )
    if found["chain"]:
        console.print()
        print_table(
            ["at", "local", "what", "step", "words"],
            [
                (at_second(each["at"]), each["local"], each["what"], each["step"], each["words"])
                for each in found["chain"]
            ],
        )
    if found["others"]:
        console.print()
        print_table(
            ["at", "message", "step", "state", "why there are two"],
            [
                (at_second(each["at"]), each["message"], each["step"], each["state"], each["words"])
                for each in found["others"]
            ],
        )


def _values(gate: dict[str, Any]) -> str:
    return in_words({name: value for name, value in gate["saw"].items() if value is not None})


def _parts(part: dict[str, Any], depth: int) -> list[tuple[int, dict[str, Any]]]:
    inside = [each for inner in part["parts"] for each in _parts(inner, depth + 1)]
    return [(depth, part), *inside]


def _event(attempt: dict[str, Any]) -> str:
    return "" if attempt["event"] is None else f"{attempt['name']} ({attempt['event']})"
