"""How many parts a text message takes (3GPP TS 23.038 for its alphabet, 23.040 for its parts)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_ESCAPED = frozenset("\f^{}\\[~]|€")
"""Each takes two places: an escape and itself."""


@dataclass(frozen=True, slots=True)
class Parts:
    """`characters` are places of the encoding: septets of GSM-7, 16-bit units of UCS-2."""

    encoding: Literal["GSM-7", "UCS-2"]
    characters: int
    parts: int


def count_parts(text: str) -> Parts:
    """What carriers bill: 160 characters of GSM-7 or 70 of UCS-2 in one part; 153 or 67 a part in
    several. One character outside GSM-7 makes the whole text UCS-2. An empty text is one part.
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
        # A pair (escape and character, or two surrogates) is never cut in two.
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return parts
