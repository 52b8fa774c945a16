"""`parcours holdout`: contacts that are kept out of journeys, and what that shows."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import document_versions
from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.tables import at_second, print_pairs, print_table, screen

app = typer.Typer(
    help="Contacts that are kept out of journeys, to measure these.", no_args_is_help=True
)
document_versions.add_commands(app, document_versions.Kind.HOLDOUT)

Key = Annotated[str, typer.Argument(help="The holdout's key.")]
_PATH = "/v1/holdouts"


@app.command("list")
def list_(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List holdouts with their shares and journeys."""
    items = find_server(data_dir).list_all(_PATH)
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["holdout", "share", "journeys", "from", "to", "version", "changed"],
        [
            (each["key"], each["document"]["share"], _journeys(each["document"]),
             each["document"].get("from"), each["document"].get("to"), each["version"],
             at_second(each["updated_at"]))
            for each in items
        ],
        numbers=["version"],
    )  # fmt: skip


@app.command("show")
def show(key: Key, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Show a holdout as it is written."""
    answer = find_server(data_dir).get(f"{_PATH}/{segment(key)}")
    if as_json:
        typer.echo(answer.text)
        return
    shown = answer.json()
    print_pairs([("holdout", shown["key"]), ("version", shown["version"]),
                 ("changed", at_second(shown["updated_at"]))])  # fmt: skip
    typer.echo()
    typer.echo(shown["source"].rstrip())


@app.command("results")
def results(
    key: Key,
    version: Annotated[
        int | None, typer.Option(min=1, help="As this version designed it; by default the newest.")
    ] = None,
    level: Annotated[
        float | None, typer.Option(help="0.05, the default, shows intervals of 95 %.")
    ] = None,
    detect: Annotated[
        float | None, typer.Option(help="The relative difference to be found; 0.1 by default.")
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Compare those who entered journeys with those who were held out."""
    answer = find_server(data_dir).get(
        f"{_PATH}/{segment(key)}/results", version=version, level=level, detect=detect
    )
    if as_json:
        typer.echo(answer.text)
        return
    found = answer.json()
    whole = found["whole"]
    screen().print(
        f"{found['holdout']} version {found['version']}, {found['share']},"
        f" {found['state'].replace('_', ' ')}: {whole['words']}",
        soft_wrap=True,
    )
    print_table(
        ["journeys", "contacts", "held out", "rate", "rate held out", "lift", "added goals",
         "one look p", "any day p", "verdict"],
        [_row(each) for each in [whole, *found["journeys"]]],
        numbers=["contacts", "held out", "lift", "added goals", "one look p", "any day p"],
    )  # fmt: skip
    pairs = []
    for name, arm in (("entered", whole["entered"]), ("held out", whole["held_out"])):
        if arm["open"]:
            pairs.append((name, f"{arm['open']} whose time for the goal is not over"))
        if arm["not_measured"]:
            pairs.append((name, f"{arm['not_measured']} without a goal that both could meet"))
    print_pairs(pairs)


def _journeys(document: dict[str, Any]) -> str:
    named = document.get("journeys", "all")
    return named if isinstance(named, str) else ", ".join(named)


def _row(found: dict[str, Any]) -> tuple[Any, ...]:
    one_look, any_time = found["fixed_horizon"], found["sequential"]
    verdict = found["verdict"].replace("_", " ")
    if found["better"]:
        verdict = f"{found['better'].replace('_', ' ')} better"
    return (
        found["journey"] or "all",
        found["entered"]["contacts"],
        found["held_out"]["contacts"],
        _rate(found["entered"]),
        _rate(found["held_out"]),
        None if found["lift"] is None else f"{found['lift']:+.1%}",
        None if found["added_goals"] is None else f"{found['added_goals']:.1f}",
        None if one_look is None else f"{one_look['p_value']:.4f}",
        None if any_time is None else f"{any_time['p_value']:.4f}",
        verdict,
    )


def _rate(arm: dict[str, Any]) -> str | None:
    if arm["rate"] is None:
        return None
    low, high = arm["interval"]["low"], arm["interval"]["high"]
    return f"{arm['rate']:.1%} ({low:.1%} to {high:.1%})"
