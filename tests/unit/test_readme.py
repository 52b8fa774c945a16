"""What the README and the pages beside it say can be looked up: paths, settings, and what works."""

import re
from pathlib import Path

from infra.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    name: (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for name in ("promises", "settings", "operations", "security", "performance", "architecture")
}
FAMILIES = {"temporal": "TEMPORAL_ADDRESS", "secrets": "PARCOURS_SECRET_NAME"}


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", TEXT, re.S | re.M)
    assert found is not None, title
    return found.group(1)


def test_every_path_that_is_named_exists() -> None:
    texts = [TEXT, *PAGES.values()]
    named = {
        ROOT / path
        for text in texts
        for path in re.findall(r"`((?:tests|docs|journeys)/[\w./-]+)`", text)
    }
    named |= {ROOT / path for path in re.findall(r"\]\(([\w./-]+)\)", TEXT)}
    named |= {
        DOCS / path for text in PAGES.values() for path in re.findall(r"\]\(([\w./-]+)\)", text)
    }
    assert len(named) > 15
    assert [str(path) for path in sorted(named) if not path.exists()] == []


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(TEXT.split()) <= 1400


def test_every_setting_has_its_line() -> None:
    rows = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", PAGES["settings"]))
    names = {
        FAMILIES.get(field) or str(info.validation_alias or f"PARCOURS_{field.upper()}")
        for field, info in Settings.model_fields.items()
    }
    assert names - rows == set()
