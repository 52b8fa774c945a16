"""Opaque tokens in the place of Liquid, so that compilers of HTML and CSS leave it alone.

A token is text, a comment or the name of an attribute: what may stand at its place. Restoring puts
back exactly what was hidden.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from journeys.templating.pieces import pieces

_ADDED: Final = frozenset({"<html", "<head", "<body", "<tbody", "<colgroup"})


class Tokens:
    """What was hidden of one document."""

    def __init__(self, source: str) -> None:
        prefix = ""
        digest = sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
        while not prefix or prefix in source.lower():
            digest = sha256(digest.encode()).hexdigest()
            prefix = f"lq{digest[:8]}x"
        self.marker = f"/*{prefix}s*/"
        """A comment of CSS that marks the style sheets of the author."""
        self.own_comment = re.compile(f"<!--{prefix}(\\d+)t-->")
        self.plain_token = re.compile(f"{prefix}(\\d+)t")
        self._prefix = prefix
        self._any = re.compile(
            f"<!--{prefix}(\\d+)t-->|{prefix}(\\d+)t|{prefix}(\\d+)a(?:=(?:\"\"|''))?"
            f"|{prefix}(\\d+)d: ?x"
        )
        self._fixed = re.compile(f"<!--{prefix}\\d+t-->|{prefix}\\d+a|<[a-zA-Z][a-zA-Z0-9-]*")
        self._hidden: list[str] = []
        self._liquid: set[int] = set()
        self._tags: set[int] = set()

    def hide(self, text: str) -> int:
        """Keep a text; its number makes tokens for it."""
        self._hidden.append(text)
        return len(self._hidden) - 1

    def plain(self, number: int) -> str:
        """The token for the inside of texts and of values."""
        return f"{self._prefix}{number}t"

    def comment(self, number: int) -> str:
        """The token for a place where only elements and text may stand."""
        return f"<!--{self._prefix}{number}t-->"

    def attribute(self, number: int) -> str:
        """The token for the place of an attribute."""
        return f"{self._prefix}{number}a"

    def declaration(self, number: int) -> str:
        """The token for the place of declarations in a `style`."""
        return f"{self._prefix}{number}d:x"

    def order(self, text: str) -> list[str]:
        """The elements, and the tokens between them and in place of attributes, in their order.

        Elements that parsers of HTML add are left out.
        """
        found = (each.lower() for each in self._fixed.findall(text))
        return [each for each in found if each not in _ADDED]

    def hide_liquid(self, text: str) -> str:
        """The text with every output and tag in it replaced by a plain token.

        Raises TemplateError for one without an end.
        """
        parts: list[str] = []
        for piece in pieces(text):
            if piece.kind == "text":
                parts.append(piece.text)
                continue
            number = self.hide(piece.text)
            self._liquid.add(number)
            if piece.kind == "tag" and piece.name not in ("raw", "comment", "#"):
                self._tags.add(number)
            parts.append(self.plain(number))
        return "".join(parts)

    def is_liquid(self, number: int) -> bool:
        """Whether the number is that of one piece of Liquid."""
        return number in self._liquid

    @property
    def has_liquid(self) -> bool:
        """Whether there is a tag, such as `if`, that stands around something."""
        return bool(self._tags)

    def has_tag(self, text: str) -> bool:
        """Whether a text holds the token of a tag, such as `if`."""
        return any(int(found[1]) in self._tags for found in self.plain_token.finditer(text))

    def restore(self, text: str) -> str:
        """The text with what was hidden put back, to any depth."""
        return self._any.sub(lambda found: self.restore(self._of(found)), text)

    def lost(self, text: str) -> list[str]:
        """The Liquid whose tokens a compiled text no longer holds, in order."""
        left: set[int] = set()
        waiting = [text]
        while waiting:
            for found in self._any.finditer(waiting.pop()):
                number = _number(found)
                if number not in left:
                    left.add(number)
                    waiting.append(self._hidden[number])
        return [self._hidden[number] for number in sorted(self._liquid - left)]

    def _of(self, found: re.Match[str]) -> str:
        return self._hidden[_number(found)]


def _number(found: re.Match[str]) -> int:
    return int(found[1] or found[2] or found[3] or found[4])
