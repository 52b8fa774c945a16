"""`parcours fault`: what went wrong, at what, and when it is tried again."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.client import DATA_DIR, AsJson, DataDir, find_server
from cli.tables import at_second, print_table, screen

app = typer.Typer(help="What went wrong, each thing once.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """What went wrong, each thing once."""


@app.command("list")
def list_(
    subject: Annotated[
        str | None, typer.Option(help="What has the fault, such as `journey welcome`.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="The code of the fault.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The number of faults to list.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(help="The cursor that the previous page printed.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List faults, newest first: since when, how often they were tried, and when next."""
    answer = find_server(data_dir).get(
        "/v1/faults", subject=subject, code=code, limit=limit, cursor=cursor
    )
    if as_json:
        typer.echo(answer.text)
        return
    page = answer.json()
    if not page["items"]:
        typer.echo("no faults")
        return
    print_table(
        ["subject", "code", "part", "state", "since", "attempts", "next try", "detail"],
        [
            (each["subject"], each["code"], each["part"], each["state"], at_second(each["since"]),
             each["attempts"], at_second(each["next_try_at"]), each["detail"])
            for each in page["items"]
        ],
        numbers=["attempts"],
    )  # fmt: skip
    if page["next"]:
        screen().print(f"There are more: --cursor {page['next']}", soft_wrap=True)
