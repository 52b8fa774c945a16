"""Cache of contents: under its hash a content never changes, so it is read once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection

from journeys.model.steps import SendStep
from journeys.templating.compilation import compile_step
from journeys.templating.contents import FIELDS, Content
from store.definitions.contents import read_content

_MOST: Final = 1_000
_MOST_CHARACTERS: Final = 50_000_000

_StepKey = tuple[str, int, str]
"""Journey, version and step."""


@dataclass(frozen=True, slots=True)
class ChosenContent:
    """The content of one message."""

    content: Content
    hash: str | None = None
    """Under which it is kept; None for a step of a version that was saved without its contents."""
    locale: str | None = None
    """The template's locale; None: the template itself, or a step's own texts."""


class ContentCache:
    """The contents that were used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str | _StepKey, Content] = OrderedDict()
        self._characters = 0

    async def get(self, conn: AsyncConnection[Any], name: str) -> Content | None:
        """The content of a hash; None if there is none."""
        known = self._find(name)
        if known is None:
            known = await read_content(conn, name)
            if known is not None:
                self._keep(name, known)
        return known

    async def compiled(self, journey: str, version: int, step: SendStep) -> Content | None:
        """The content of a step that was saved without it; None if it has no texts of its own.

        Raises TemplateError.
        """
        key = (journey, version, step.id)
        known = self._find(key)
        if known is None:
            known = await asyncio.to_thread(compile_step, step)
            if known is not None:
                self._keep(key, known)
        return known

    def _find(self, key: str | _StepKey) -> Content | None:
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
        return known

    def _keep(self, key: str | _StepKey, content: Content) -> None:
        if key in self._kept:
            return
        self._kept[key] = content
        self._characters += _size(content)
        while len(self._kept) > _MOST or (
            self._characters > _MOST_CHARACTERS and len(self._kept) > 1
        ):
            _, gone = self._kept.popitem(last=False)
            self._characters -= _size(gone)


def _size(content: Content) -> int:
    return sum(len(getattr(content, name) or "") for name in FIELDS)
