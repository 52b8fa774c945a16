"""Ready journeys: complete files that apply as they stand, to start from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

_HEAD = """# The library

Ready journeys with their texts, in `journeys/library/`. Copy one and make it your own:

```
parcours journey new --list
parcours journey new my-welcome --from welcome
```

Every path of each is simulated by a test; its scenarios, in
`tests/integration/simulation/scenarios/library/`, are a good place to see what it does. Each file
holds the topics, segments and places that its journey needs; several may be applied together.

This page is made of the comments at the head of the files:
`python -m journeys.library > docs/library.md`.
"""


@dataclass(frozen=True, slots=True)
class About:
    """What the comment at the head of a file says."""

    name: str
    paragraphs: tuple[str, ...]
    """What the journey does, what it needs, what to change."""

    @property
    def summary(self) -> str:
        """The first sentence."""
        return f"{self.paragraphs[0].split('. ')[0].removesuffix('.')}."


def names() -> list[str]:
    """The journeys of the library, by the names of their files without ending."""
    entries = (entry.name for entry in files(__name__).iterdir())
    return sorted(name.removesuffix(".yaml") for name in entries if name.endswith(".yaml"))


def source(name: str) -> str:
    """The text of one of them. Raises KeyError for an unknown name."""
    if name not in names():
        raise KeyError(name)
    return (files(__name__) / f"{name}.yaml").read_text(encoding="utf-8")


def about(name: str) -> About:
    """What one of them is about. Raises KeyError for an unknown name."""
    lines: list[str] = []
    for line in source(name).splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    paragraphs = "\n".join(lines).split("\n\n")
    return About(name, tuple(" ".join(paragraph.split()) for paragraph in paragraphs))


def index() -> str:
    """All of them in Markdown: the page `docs/library.md`."""
    parts = [_HEAD]
    for name in names():
        told = "\n\n".join(about(name).paragraphs)
        parts.append(f"## {name}\n\n{told}\n")
    return "\n".join(parts)
