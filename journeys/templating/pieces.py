"""Pieces of a template: literal text, outputs and tags, in the order of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from journeys.templating.failures import TemplateError

Kind = Literal["text", "output", "tag"]

_TAG: Final = re.compile(r"\{%-?\s*(#|\w*)")
_BLOCKS: Final = {
    name: re.compile(r"\{%-?\s*end" + name + r"\s*-?%\}") for name in ("raw", "comment")
}
"""Blocks whose inside is no Liquid, by the tags that end them."""
_EXPRESSION: Final = re.compile(r"\{[{%]-?(.*?)-?[}%]\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a template; the pieces' texts together are the template."""

    kind: Kind
    text: str
    name: str = ""
    """The name of a tag; `raw` and `comment` for a whole block."""

    @property
    def expression(self) -> str:
        """What stands between the braces, without the name of a tag."""
        inside = _EXPRESSION.fullmatch(self.text)
        return "" if inside is None else inside[1].strip().removeprefix(self.name).strip()


def pieces(text: str) -> Iterator[Piece]:
    """The pieces of a template. Raises TemplateError for an output or a tag without its end."""
    place = 0
    while True:
        begin = _next(text, place)
        if begin < 0:
            break
        if begin > place:
            yield Piece("text", text[place:begin])
        output = text.startswith("{{", begin)
        end = text.find("}}" if output else "%}", begin + 2)
        if end < 0:
            line = text.count("\n", 0, begin) + 1
            shown = "{{" if output else "{%"
            raise TemplateError(f"the template can't be read: `{shown}` has no end", line=line)
        place = end + 2
        if output:
            yield Piece("output", text[begin:place])
            continue
        tag = _TAG.match(text, begin)
        name = "" if tag is None else tag[1]
        if name in _BLOCKS and (closed := _BLOCKS[name].search(text, place)):
            place = closed.end()
        yield Piece("tag", text[begin:place], name)
    if place < len(text):
        yield Piece("text", text[place:])


def _next(text: str, place: int) -> int:
    found = [at for sign in ("{{", "{%") if (at := text.find(sign, place)) >= 0]
    return min(found, default=-1)
