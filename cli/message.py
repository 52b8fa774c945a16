"""`parcours message`: list messages, show one with what it said, and send one again."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, Server, find_server, segment
from cli.errors import ExitCode, refuse
from cli.run_repairs import retry_confirmed
from cli.tables import at_second, print_pairs, print_table, screen

_ID_LENGTH = 36
_PREFIX = re.compile("[0-9a-fA-F-]{4,35}")

app = typer.Typer(help="Messages: what was sent, and what came of it.", no_args_is_help=True)


@app.command("list")
def list_(
    contact: Annotated[
        str | None, typer.Option(help="The contact's external id, or our id.")
    ] = None,
    journey: Annotated[str | None, typer.Option(help="The journey's key.")] = None,
    step: Annotated[str | None, typer.Option(help="The id of their step.")] = None,
    status: Annotated[
        str | None,
        typer.Option(help="sent, refused, unknown, delivered, opened, clicked, bounced…"),
    ] = None,
    channel: Annotated[str | None, typer.Option(help="email, sms or webhook.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The messages to list.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(help="The cursor that the previous page printed.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List messages, those of the newest run first."""
    page = find_server(data_dir).list_up_to(
        "/v1/messages",
        limit,
        cursor,
        contact=contact,
        journey=journey,
        step=step,
        status=status,
        channel=channel,
    )
    if as_json:
        typer.echo(json.dumps(page, ensure_ascii=False, separators=(",", ":")))
        return
    print_table(
        ["message", "contact", "journey", "step", "channel", "provider", "state", "since", "at"],
        [
            (each["id"], each["contact"], each["journey"], each["step"], each["channel"],
             each["provider"], _state(each), ", ".join(each["statuses"]),
             at_second(each["settled_at"] or each["first_attempt_at"]))
            for each in page["items"]
        ],
    )  # fmt: skip
    if page["next"]:
        screen().print(f"There are more: --cursor {page['next']}", soft_wrap=True)


@app.command("show")
def show(
    message: Annotated[str, typer.Argument(help="The message's id, or how it begins.")],
    html: Annotated[bool, typer.Option("--html", help="Print the HTML alone.")] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a message: its state, its statuses, and what it said as long as that is kept."""
    server = find_server(data_dir)
    answer = server.get(f"/v1/messages/{segment(_full_id(server, message))}")
    if as_json:
        typer.echo(answer.text)
        return
    shown = answer.json()
    kept = shown["kept"]
    if html:
        if kept is None or "html" not in kept:
            refuse("no HTML is kept of this message", ExitCode.NOT_FOUND)
        typer.echo(kept["html"])
        return
    print_pairs(
        [
            ("message", shown["id"]),
            ("contact", shown["contact"]),
            ("address", shown["address"]),
            ("journey", f"{shown['journey']} version {shown['version']}"),
            ("run", f"{shown['run']}, visit {shown['visit']} ({shown['step']})"),
            ("channel", shown["channel"]),
            ("topic", shown["topic"]),
            ("provider", shown["provider"]),
            ("its id", shown["provider_id"]),
            ("state", _state(shown)),
            ("said", shown["detail"]),
            ("content", shown["content"]),
            ("locale", shown["locale"]),
            ("attempts", shown["attempts"]),
            ("first attempt", at_second(shown["first_attempt_at"])),
            ("settled", at_second(shown["settled_at"])),
            *((status, at_second(at)) for status, at in shown["statuses"].items()),
        ]
    )
    if shown["earlier"]:
        print_table(
            ["earlier", "came to", "why", "attempts", "last"],
            [
                (each["provider"], each["state"], each["code"], each["attempts"],
                 at_second(each["last_at"]))
                for each in shown["earlier"]
            ],
            numbers=["attempts"],
        )  # fmt: skip
    if shown["hits"]:
        print_table(
            ["link", "to", "people", "machines", "unknown"],
            [
                (each["kind"], each["url"], each["human"], each["machine"], each["unknown"])
                for each in shown["hits"]
            ],
            numbers=["people", "machines", "unknown"],
        )  # fmt: skip
    _print_kept(kept)


def _print_kept(kept: dict[str, Any] | None) -> None:
    if kept is None:
        typer.echo("\nWhat it said is not kept.")
        return
    bodies = ("html", "text", "body")
    typer.echo()
    print_pairs([(name, _words(value)) for name, value in kept.items() if name not in bodies])
    for body in ("text", "body"):
        if body in kept:
            typer.echo(f"\n{kept[body]}")
    if "html" in kept:
        typer.echo(f"\n{len(kept['html'])} characters of HTML: --html prints them.")


def _words(value: Any) -> Any:
    """What stands in a list, side by side."""
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _state(message: dict[str, Any]) -> str:
    state = str(message["state"])
    return f"{state} ({message['code']})" if message["code"] else state


def _full_id(server: Server, message: str) -> str:
    """The id of the message that begins so. Ends the command if none does, or more than one."""
    if len(message) == _ID_LENGTH:
        return message
    if not _PREFIX.fullmatch(message):
        refuse(
            f"{message!r} is no id of a message, and no beginning of one: 4 characters at least",
            ExitCode.NOT_FOUND,
        )
    found = server.get("/v1/messages", prefix=message, limit=2).json()["items"]
    if not found:
        refuse(f"there is no message whose id begins with {message}", ExitCode.NOT_FOUND)
    if len(found) > 1:
        refuse(f"several messages begin with {message}: give more of the id", ExitCode.USAGE)
    return str(found[0]["id"])


@app.command("retry")
def retry(
    message: Annotated[str, typer.Argument(help="The message's id, or how it begins.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the run.")],
    may_arrive_twice: Annotated[
        bool,
        typer.Option(
            "--may-arrive-twice",
            help="Send it although the provider may have taken it (`unknown`).",
        ),
    ] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Send a message again that has failed, under its id and with all the checks of a send."""
    server = find_server(data_dir)
    body: dict[str, Any] = {"reason": reason}
    if may_arrive_twice:
        body["may_arrive_twice"] = True
    path = f"/v1/messages/{segment(_full_id(server, message))}/retry"
    answer = retry_confirmed(server, path, body)
    if as_json:
        typer.echo(answer.text)
        return
    made = answer.json()
    job = f": job {made['job']}" if made["job"] else ""
    typer.echo(f"sends message {message} of step {made['step']} again{job}")
