"""The page of all metrics, `docs/metrics.md`.

`python -m infra.metrics_page > docs/metrics.md` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from store.metrics import DEFINITIONS, Process

_HEAD: Final = """# Metrics

Generated from `store/metrics.py` by `python -m infra.metrics_page > docs/metrics.md`.
[operations.md](operations.md#watch-it) says where they are served, and
[runbook.md](runbook.md#alerts) what to do when one is out of bounds.

Names and labels stay as they are. A label has the values that are listed and no others, and none
names a person. A counter counts since its process began: sum it over processes.
"""
_PARTS: Final[dict[Process, tuple[str, str]]] = {
    "api": ("Of an API process", "Served by each API process at `/metrics`."),
    "worker": (
        "Of a worker process",
        "Served by each worker at `PARCOURS_METRICS_PORT`, beside the SDK's own `temporal_…`.",
    ),
    "state": (
        "Of the engine",
        "Read by each worker from PostgreSQL: take the highest of all workers, not the sum.",
    ),
}


def page() -> str:
    """The page as it should be."""
    return "\n".join([_HEAD, *_lines()])


def _lines() -> Iterator[str]:
    for process, (title, words) in _PARTS.items():
        yield f"## {title}\n"
        yield f"{words}\n"
        yield "| metric | kind | what it says | labels |"
        yield "|---|---|---|---|"
        for each in DEFINITIONS.values():
            if each.process == process:
                labels = "; ".join(f"`{name}`: {words}" for name, words in each.labels.items())
                yield f"| `{each.served}` | {each.kind} | {each.words} | {labels} |"
        yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
