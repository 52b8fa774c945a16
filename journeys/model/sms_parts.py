"""The number of parts of a text message (3GPP TS 23.038 for alphabets, 23.040 for parts)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_ESCAPED = frozenset("\f^{}\\[~]|€")
"""Characters that take two septets: an escape and the character."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The size of a text. `characters` are units of the encoding: septets or 16-bit units."""

    encoding: Literal["GSM-7", "UCS-2"]
    characters: int
    parts: int


def count_parts(text: str) -> Parts:
    """The parts that carriers bill for a text.

    One part holds 160 characters of GSM-7 or 70 of UCS-2. Each of several parts holds 153 or 67.
    One character outside of GSM-7 makes the whole text UCS-2. An empty text is one part.
    """
    if all(character in _GSM7 or character in _GSM7_ESCAPED for character in text):
        widths = [2 if character in _GSM7_ESCAPED else 1 for character in text]
        return Parts("GSM-7", sum(widths), _packed(widths, whole=160, part=153))
    widths = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return Parts("UCS-2", sum(widths), _packed(widths, whole=70, part=67))


def _packed(widths: list[int], *, whole: int, part: int) -> int:
    if sum(widths) <= whole:
        return 1
    parts, used = 1, 0
    for width in widths:
        # A pair (escape and character, or two surrogates) is never split.
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return parts
