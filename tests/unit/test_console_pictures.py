"""The pictures of the console: each kind of page in both widths and schemes, each with its line."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "console"
VARIANTS = {f"{width}-{scheme}" for width in (1440, 390) for scheme in ("light", "dark")}
PLACES = (ROOT / "console" / "src" / "app" / "places.ts").read_text(encoding="utf-8")
PLACE = re.compile(
    r'^    path: "(.+)",$(?:\n    .*)*?\n    load: \(\) => import\("@/(\w+)/pages"\)', re.M
)
SHARED = {"edit", "new", "uses", "versions"}
"""Kinds of pages that many places have: one of each is enough."""
MOST = 4_200_000
"""Bytes of all pictures, which are kept with the text."""


def lines() -> dict[str, tuple[str, str]]:
    """The address and the words of each picture of the page, by its name."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    found = re.findall(
        r"^\| \[([a-z-]+)\]\(\1-1440-light\.webp\) \| (\S.*?) \| (.+) \|$", text, re.M
    )
    assert len(found) == text.count("\n| ["), "a line of the table has another form"
    return {name: (address, words) for name, address, words in found}


def test_each_picture_has_its_line_and_each_line_its_four_pictures() -> None:
    made: dict[str, set[str]] = {}
    for file in FOLDER.glob("*.webp"):
        name, width, scheme = file.stem.rsplit("-", 2)
        made.setdefault(name, set()).add(f"{width}-{scheme}")
    assert made.keys() == lines().keys()
    assert [name for name, variants in made.items() if variants != VARIANTS] == []
    assert sum(file.stat().st_size for file in FOLDER.glob("*.webp")) < MOST


def test_each_place_of_the_console_is_in_the_pictures() -> None:
    places = [path for path, _ in PLACE.findall(PLACES)]
    assert len(places) == PLACES.count("load: () => import(")
    addresses = {address for address, _ in lines().values()}
    assert [place for place in places if place not in addresses] == []


def test_each_kind_of_page_is_in_the_pictures() -> None:
    addresses = {address.partition("?")[0] for address, _ in lines().values()}
    missing: set[str] = set()
    for place, folder in PLACE.findall(PLACES):
        for file in (ROOT / "console" / "src" / folder).glob("*.tsx"):
            kinds = set(re.findall(r'\bpath(?:=|: )"/([a-z]+)"', file.read_text(encoding="utf-8")))
            for kind in kinds - SHARED:
                shown = [
                    each for each in addresses if re.fullmatch(rf"{place}(/[^/]+)?/{kind}", each)
                ]
                missing |= set() if shown else {f"{place}/…/{kind}"}
    missing |= {kind for kind in SHARED if not any(each.endswith(f"/{kind}") for each in addresses)}
    assert missing == set()
