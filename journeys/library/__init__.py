"""Library of ready journeys: complete files that can be applied unchanged."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

_HEAD = """# The library

Ready journeys with their texts, in `journeys/library/`. Copy one and make it your own:

```
parcours journey new --list
parcours journey new my-welcome --from welcome
```

Messages are templates with a layout: `letter`, with links to unsubscribe and to view the mail in a
browser, or `notice` for mail that is owed. Put your postal address there. `letter`, `notice` and
`button` are the same in every file, so what is applied last holds for all of them.

Tests simulate every path of each journey. The scenarios in
`tests/integration/simulation/scenarios/library/` show what it does. Each file holds the topics,
templates, segments and places that its journey needs; several files may be applied together.

This page is generated from the comments at the head of the files:
`python -m journeys.library > docs/library.md`.
"""


@dataclass(frozen=True, slots=True)
class About:
    """The description of a journey, from the comment at the head of its file."""

    name: str
    paragraphs: tuple[str, ...]
    """What the journey does, what it needs, what to change."""

    @property
    def summary(self) -> str:
        """The first sentence."""
        return f"{self.paragraphs[0].split('. ')[0].removesuffix('.')}."


def names() -> list[str]:
    """The names of the journeys, which are the names of their files without `.yaml`."""
    entries = (entry.name for entry in files(__name__).iterdir())
    return sorted(name.removesuffix(".yaml") for name in entries if name.endswith(".yaml"))


def source(name: str) -> str:
    """The text of a journey's file. Raises KeyError for an unknown name."""
    if name not in names():
        raise KeyError(name)
    return (files(__name__) / f"{name}.yaml").read_text(encoding="utf-8")


def about(name: str) -> About:
    """The description of a journey. Raises KeyError for an unknown name."""
    lines: list[str] = []
    for line in source(name).splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    paragraphs = "\n".join(lines).split("\n\n")
    return About(name, tuple(" ".join(paragraph.split()) for paragraph in paragraphs))


def index() -> str:
    """The descriptions of all journeys in Markdown: the page `docs/library.md`."""
    parts = [_HEAD]
    for name in names():
        description = "\n\n".join(about(name).paragraphs)
        parts.append(f"## {name}\n\n{description}\n")
    return "\n".join(parts)
