"""The command `python -m benchmarks [NAME …]`: measures the named benchmarks, or all but `large`.

`large` is measured alone, by `make bench SIZE=1m`: its contacts are as many as the variable `SIZE`
says, and need up to 12 GB of disk for a million. The command prints the figures as JSON and fails
when a budget is broken.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable

import orjson

from benchmarks import (
    branching,
    counts,
    due_times,
    fairness,
    figures,
    ingest,
    latency,
    rate,
    segment_entries,
    send_path,
    sleeping,
    starts,
    wake_ups,
)
from benchmarks.large import measure as large
from benchmarks.report import Figure
from infra.logging import configure_logging

MEASURES: dict[str, Callable[[], Awaitable[list[Figure]]]] = {
    "counts": counts.measure,
    "rate": rate.measure,
    "send_path": send_path.measure,
    "latency": latency.measure,
    "segment_entries": segment_entries.measure,
    "ingest": ingest.measure,
    "starts": starts.measure,
    "wake_ups": wake_ups.measure,
    "sleeping": sleeping.measure,
    "branching": branching.measure,
    "fairness": fairness.measure,
    "due_times": due_times.measure,
    "figures": figures.measure,
    "large": large.measure,
}
ALONE = frozenset({"large"})


async def _measure(names: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        print(f"measuring {name}…", file=sys.stderr, flush=True)
        for figure in await MEASURES[name]():
            print(f"  {figure.name}: {figure.value:.3f} {figure.unit} ({figure.verdict})",
                  file=sys.stderr, flush=True)  # fmt: skip
            figures.append(figure)
    return figures


def main() -> int:
    """Run the command; returns the exit status: 1 if a budget is broken, 2 for an unknown name."""
    names = sys.argv[1:] or [name for name in MEASURES if name not in ALONE]
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        print(f"not a benchmark: {', '.join(unknown)}; there are {', '.join(MEASURES)}",
              file=sys.stderr)  # fmt: skip
        return 2
    configure_logging("json", process="benchmark", level="WARNING")
    figures = asyncio.run(_measure(names))
    report = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "figures": [figure.as_json() for figure in figures],
        "broken": [figure.name for figure in figures if figure.verdict == "broken"],
    }
    print(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())
    return 1 if report["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
