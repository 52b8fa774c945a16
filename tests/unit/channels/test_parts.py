"""How many parts a text message takes."""

import pytest

from journeys.model.sms_parts import Parts, count_parts

# The default alphabet of 3GPP TS 23.038, in its order, as code points of the Unicode consortium's
# mapping (GSM0338.TXT), without the escape at 0x1B.
DEFAULT_ALPHABET = [
    0x0040, 0x00A3, 0x0024, 0x00A5, 0x00E8, 0x00E9, 0x00F9, 0x00EC,
    0x00F2, 0x00C7, 0x000A, 0x00D8, 0x00F8, 0x000D, 0x00C5, 0x00E5,
    0x0394, 0x005F, 0x03A6, 0x0393, 0x039B, 0x03A9, 0x03A0, 0x03A8,
    0x03A3, 0x0398, 0x039E, 0x00C6, 0x00E6, 0x00DF, 0x00C9,
    *range(0x20, 0x24), 0x00A4, *range(0x25, 0x40), 0x00A1,
    *range(0x41, 0x5B), 0x00C4, 0x00D6, 0x00D1, 0x00DC, 0x00A7, 0x00BF,
    *range(0x61, 0x7B), 0x00E4, 0x00F6, 0x00F1, 0x00FC, 0x00E0,
]  # fmt: skip
EXTENSION = [0x0C, 0x5E, 0x7B, 0x7D, 0x5C, 0x5B, 0x7E, 0x5D, 0x7C, 0x20AC]


def test_the_default_alphabet_takes_one_place_each() -> None:
    assert len(DEFAULT_ALPHABET) == 127
    text = "".join(map(chr, DEFAULT_ALPHABET))
    assert count_parts(text) == Parts("GSM-7", 127, 1)


@pytest.mark.parametrize("code", EXTENSION)
def test_the_extension_table_takes_two_places_each(code: int) -> None:
    assert count_parts(chr(code)) == Parts("GSM-7", 2, 1)


@pytest.mark.parametrize("character", ["`", "ç", "ê", "\u2019", "\t", "я", "中", "\u00a0"])
def test_anything_else_makes_the_whole_text_ucs2(character: str) -> None:
    assert count_parts("a" * 69 + character) == Parts("UCS-2", 70, 1)
    assert count_parts("a" * 70 + character) == Parts("UCS-2", 71, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Parts("GSM-7", 0, 1)),
        ("a" * 160, Parts("GSM-7", 160, 1)),
        ("a" * 161, Parts("GSM-7", 161, 2)),
        ("a" * 306, Parts("GSM-7", 306, 2)),
        ("a" * 307, Parts("GSM-7", 307, 3)),
        ("€" * 80, Parts("GSM-7", 160, 1)),
        ("я" * 134, Parts("UCS-2", 134, 2)),
        ("я" * 135, Parts("UCS-2", 135, 3)),
        ("\U0001f600", Parts("UCS-2", 2, 1)),
        ("\U0001f600" * 35, Parts("UCS-2", 70, 1)),
    ],
)
def test_parts_are_counted_as_carriers_do(text: str, expected: Parts) -> None:
    assert count_parts(text) == expected


def test_an_escaped_character_is_not_cut_in_two() -> None:
    # 153 places hold 152 letters and half a euro sign: it moves on whole, and so does the last one.
    assert count_parts("a" * 152 + "€" + "a" * 151).parts == 2
    assert count_parts("a" * 152 + "€" + "a" * 152).parts == 3


def test_a_pair_of_surrogates_is_not_cut_in_two() -> None:
    # 67 units hold 33 emoji and half of another.
    assert count_parts("\U0001f600" * 66).parts == 2
    assert count_parts("\U0001f600" * 67).parts == 3
