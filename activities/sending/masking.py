"""Masking of secrets in everything that is stored or logged about a send."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
_SHORTEST = 4
"""Characters of a secret. A shorter one is like an ordinary word."""

_DELIMITERS = re.compile(r"[/?#@:&=\\]+")
"""What separates the parts of a URL."""
_SCHEMES = {"http", "https"}


class SecretMask:
    """Replaces secrets in texts and in values of JSON, also where they were encoded.

    A host is written in lower case, a URL percent-encoded, and a text inside JSON or `repr` with
    escapes: each of these forms is found, in any case. A secret that stands in a URL is taken apart
    by what reads the URL: in texts its parts are masked, too.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        parts = {part for form in forms for part in _DELIMITERS.split(form)} - _SCHEMES
        self._forms = _any_of(forms)
        self._parts = _any_of(forms | parts)

    def text(self, text: str) -> str:
        """A text for people without secrets, nor the parts of one."""
        return text if self._parts is None else self._parts.sub(MASK, text)

    def value(self, value: Any) -> Any:
        """A value of JSON without secrets, in names too."""
        if self._forms is None:
            return value
        match value:
            case str():
                return self._forms.sub(MASK, value)
            case list() | tuple():
                return [self.value(part) for part in value]
            case dict():
                return {self.value(str(name)): self.value(part) for name, part in value.items()}
            case _:
                return value


def _any_of(forms: set[str]) -> re.Pattern[str] | None:
    # The longest first: a secret may be a part of another one.
    known = sorted((form for form in forms if len(form) >= _SHORTEST), key=lambda form: -len(form))
    return re.compile("|".join(map(re.escape, known)), re.I) if known else None


def _forms(secret: str) -> set[str]:
    plain = {secret, secret.strip()}
    return {
        form
        for text in plain
        for form in (
            text,
            quote(text),
            quote(text, safe=""),
            quote_plus(text),
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
            repr(text)[1:-1],
            *(part.strip() for part in text.splitlines()),
        )
    }
