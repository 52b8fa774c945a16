"""`parcours experiment`: the arms of a split compared, or the splits of a journey."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.tables import at_second, print_table, screen


def run(
    journey: Annotated[str, typer.Argument(help="The journey's key.")],
    step: Annotated[
        str | None, typer.Argument(help="The split; without it the splits are listed.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="By default goal, or clicked if the journey has no goal."),
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="The split as this version has it.")
    ] = None,
    control: Annotated[
        str | None, typer.Option(help="By default the holdout, else the first arm.")
    ] = None,
    level: Annotated[
        float | None, typer.Option(help="The probability of a false winner; by default 0.05.")
    ] = None,
    detect: Annotated[
        float | None,
        typer.Option(help="The relative difference to be found; by default 0.1, which is 10 %."),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Compare the arms of a split, and say whether there is a winner."""
    server = find_server(data_dir)
    path = f"/v1/journeys/{segment(journey)}/experiments"
    if step is None:
        splits = server.list_all(path, version=version)
        if as_json:
            typer.echo(as_page(splits))
            return
        _print_splits(journey, splits)
        return
    answer = server.get(
        f"{path}/{segment(step)}", metric=metric, version=version, control=control, level=level,
        detect=detect,
    )  # fmt: skip
    if as_json:
        typer.echo(answer.text)
        return
    _print_experiment(answer.json())


def _print_splits(journey: str, splits: list[dict[str, Any]]) -> None:
    if not splits:
        typer.echo(f"{journey} has no split")
        return
    print_table(
        ["step", "version", "arms"],
        [
            (
                each["step"],
                each["version"],
                {arm["name"]: f"{arm['weight']:g}{_role(arm)}" for arm in each["arms"]},
            )
            for each in splits
        ],
        numbers=["version"],
    )


def _role(arm: dict[str, Any]) -> str:
    return {"arm": "", "holdout": " (holdout)", "winner_rule": " (by rule)"}[arm["role"]]


def _print_experiment(found: dict[str, Any]) -> None:
    metric = found["metric"]
    versions = ", ".join(str(each) for each in found["versions"])
    first, last = (at_second(found["window"][each]) for each in ("first_at", "last_at"))
    for line in (
        f"{found['journey']} {found['step']}, version {versions}: {found['words']}",
        f"by {metric['name']}: {metric['of']} of {metric['denominator']}"
        + (f", who took it from {first} to {last}" if first else ""),
    ):
        screen().print(line, soft_wrap=True)
    _print_arms(found)
    _print_comparisons(found)
    ratio = found["sample_ratio"]
    level = found["method"]["level"]
    method = f"{found['method']['name']} ({found['method']['source']})"
    lines = [
        f"A winner is said by: {method}, at level {level}, on any day.",
        "A p-value and an interval of a fixed horizon hold for one look that was planned.",
    ]
    if ratio["mismatch"]:
        lines.append(
            f"The arms' contacts are not in the ratio of the weights: p {ratio['p_value']:.2g}."
        )
    for line in (*found["notes"], *lines):
        screen().print(line, soft_wrap=True)


def _print_arms(found: dict[str, Any]) -> None:
    names = [name for name in found["arms"][0]["metrics"] if _has(found, name)]
    with_values = any(arm["value"] is not None for arm in found["arms"])
    columns = ["arm", "contacts", "share", "expected", *names]
    print_table(
        [*columns, *(["value", "mean value"] if with_values else [])],
        [
            (
                arm["name"] + (" (control)" if arm["control"] else ""),
                arm["contacts"],
                _percent(arm["share"]),
                _percent(arm["expected_share"]),
                *(
                    _count(arm["metrics"].get(name), whole=name == found["metric"]["name"])
                    for name in names
                ),
                *(_value(arm["value"]) if with_values else ()),
            )
            for arm in found["arms"]
        ],
        numbers=["contacts", "share", "expected"],
    )


def _has(found: dict[str, Any], name: str) -> bool:
    """Whether any arm has a result by a metric, or arms are compared by it."""
    return name == found["metric"]["name"] or any(
        arm["metrics"].get(name, {}).get("count") for arm in found["arms"]
    )


def _count(share: dict[str, Any] | None, *, whole: bool) -> str | None:
    """A count with its rate, and with the interval of that if it is wanted."""
    if share is None:
        return None
    if share["rate"] is None:
        return str(share["count"])
    low, high = share["interval"]["low"], share["interval"]["high"]
    interval = f" ({low:.1%} to {high:.1%})" if whole else ""
    return f"{share['count']}: {share['rate']:.1%}{interval}"


def _value(value: dict[str, Any] | None) -> tuple[Any, Any]:
    if value is None:
        return None, None
    return f"{value['sum']:,.2f}", None if value["mean"] is None else f"{value['mean']:.2f}"


def _print_comparisons(found: dict[str, Any]) -> None:
    """The comparisons with the control: those that hold on any day, then those of one look."""
    if not found["comparisons"]:
        return
    is_mean = found["metric"]["of"] == "mean"
    daily, fixed = [], []
    for each in found["comparisons"]:
        name = f"{each['arm']} against {each['control']}"
        difference = _signed(each["difference"], percent=not is_mean)
        daily.append(
            (name, difference, _signed(each["lift"], percent=True), *_any_day(each["sequential"]))
        )
        if (look := each["fixed_horizon"]) is not None:
            bounds = _bounds(look["interval"], percent=not is_mean)
            fixed.append((name, difference, bounds, _p(look["p_value"]), look["test"]))
    interval = "difference, any day" if is_mean else "lift, any day"
    numbers = ["difference", "lift", "p, any day", "p, fixed horizon"]
    print_table(
        ["comparison", "difference", "lift", interval, "p, any day", "shown"], daily,
        numbers=numbers,
    )  # fmt: skip
    if fixed:
        print_table(
            ["comparison", "difference", "interval, fixed horizon", "p, fixed horizon", "test"],
            fixed,
            numbers=numbers,
        )


def _any_day(found: dict[str, Any] | None) -> tuple[str | None, str | None, str | None]:
    """The interval, the p-value, and what is shown."""
    if found is None:
        return None, None, None
    bounds = _bounds(found["interval"], percent=found["interval_of"] == "lift")
    return bounds, _p(found["corrected_p_value"]), found["shown"]


def _p(value: float) -> str:
    return f"{value:.4f}" if value >= 0.0001 else "<0.0001"


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def _signed(value: float | None, *, percent: bool) -> str | None:
    if value is None:
        return None
    return f"{value:+.1%}" if percent else f"{value:+.2f}"


def _bounds(bounds: dict[str, Any], *, percent: bool) -> str:
    low, high = (_signed(bounds[end], percent=percent) for end in ("low", "high"))
    return f"{low} to {high or 'no limit'}"
