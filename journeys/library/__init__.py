"""Ready journeys: complete files that apply as they stand, to start from."""

from __future__ import annotations

from importlib.resources import files


def names() -> list[str]:
    """The journeys of the library, by the names of their files without ending."""
    entries = (entry.name for entry in files(__name__).iterdir())
    return sorted(name.removesuffix(".yaml") for name in entries if name.endswith(".yaml"))


def source(name: str) -> str:
    """The text of one of them. Raises KeyError for an unknown name."""
    if name not in names():
        raise KeyError(name)
    return (files(__name__) / f"{name}.yaml").read_text(encoding="utf-8")
