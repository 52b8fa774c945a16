"""Discriminated unions whose form is chosen by a key that only this form has.

Each alternative of a union is tagged with its key. So a mistake inside a form is reported for that
form alone, and a misspelt key still chooses the form that its author meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Discriminator

PLAIN = "<a plain value>"
LIST = "<a list>"
MAPPING = "<a mapping>"


def tag(key: str) -> str:
    """The tag of the form that `key` chooses. No key of a document looks like a tag."""
    return f"<{key}>"


def closest_match(word: str, words: list[str]) -> str | None:
    """The one of `words` that was most likely meant; None if none is similar."""
    matches = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if matches:
        return matches[0]
    folded = {w.casefold().replace("-", "_"): w for w in reversed(words)}
    return folded.get(word.casefold().replace("-", "_"))


def discriminated_by(
    words: str,
    *keys: str,
    plain: bool = False,
    listed: bool = False,
    otherwise: str | None = None,
    also: dict[str, str] | None = None,
    hints: dict[str, str] | None = None,
) -> Discriminator:
    """A discriminator that chooses a form by its key; earlier keys win.

    `plain` and `listed`: a scalar and a list are forms too. `also` has further keys, each with the
    key whose form it chooses. `hints` has keys that choose a form if no other key does. `otherwise`
    is the form of all other mappings. `words` names the value in errors.
    """
    also = also or {}
    choose = _chooser((*keys, *also), plain, listed, otherwise, (hints or {}), also)
    known = [f"`{key}`" for key in (*keys, *also)]
    listing = " or ".join(filter(None, [", ".join(known[:-1]), *known[-1:]]))
    return Discriminator(
        choose,
        custom_error_type="no_form",
        custom_error_message=f"{words} needs {'' if len(known) == 1 else 'one of '}{listing}",
    )


def _chooser(
    keys: tuple[str, ...],
    plain: bool,
    listed: bool,
    otherwise: str | None,
    hints: dict[str, str],
    also: dict[str, str],
) -> Callable[[Any], str | None]:
    def choose(value: object) -> str | None:
        if isinstance(value, BaseModel):
            fields = type(value).model_fields
            names = [field.alias or name for name, field in fields.items()]
        elif isinstance(value, dict):
            names = [name for name in value if isinstance(name, str)]
        elif isinstance(value, list):
            return LIST if listed else None
        else:
            return PLAIN if plain else None
        chosen = next((key for key in keys if key in names), None)
        chosen = chosen or next((hints[name] for name in names if name in hints), None)
        if chosen is None and otherwise is None:
            similar = (closest_match(name, list(keys)) for name in names)
            chosen = next((key for key in similar if key is not None), None)
        if chosen is not None:
            return tag(also.get(chosen, chosen))
        return otherwise

    return choose
