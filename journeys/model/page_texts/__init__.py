"""Texts of the public pages, a file for each language that is built in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from ruamel.yaml import YAML

LANGUAGES: Final = ("en", "fr", "de", "es", "it", "ro")
"""The languages that are built in. The first one is for readers of none of them."""
PLACES: Final = frozenset({"brand", "topic", "address"})
"""What a text may have in braces."""


@cache
def page_texts(language: str) -> Mapping[str, str]:
    """The texts of a language by key. Raises KeyError for one that is not built in."""
    if language not in LANGUAGES:
        raise KeyError(language)
    source = (files(__name__) / f"{language}.yaml").read_text(encoding="utf-8")
    texts: Mapping[str, str] = dict(YAML(typ="safe").load(source))
    return texts


def text_keys() -> frozenset[str]:
    """The keys of all texts."""
    return frozenset(page_texts(LANGUAGES[0]))
