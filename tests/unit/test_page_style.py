"""The style of public pages: everyone can read them in the colour of any brand."""

import re

from hypothesis import given
from hypothesis import strategies as st

from api.public.page_style import contrast, style_of

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def colour_of(style: str, rule: str, name: str) -> str:
    """The value of a property in a rule."""
    body = re.search(rf"(?:^|\}}|\n){re.escape(rule)}\{{([^}}]*)\}}", style)
    assert body is not None
    found = re.search(rf"(?:^|;|\n){name}:[^;}}]*?(#[0-9a-f]{{3,6}})", body[1])
    assert found is not None, (rule, name)
    return found[1]


def test_contrast_is_that_of_the_standard() -> None:
    # The examples of WebAIM's checker, which implements WCAG's definition.
    assert round(contrast("#000", "#ffffff"), 2) == 21
    assert round(contrast("#767676", "#fff"), 2) == 4.54
    assert round(contrast("#0000ff", "#ffffff"), 2) == 8.59
    assert contrast("#123456", "#123456") == 1


@given(colours)
def test_a_label_can_be_read_on_a_button_of_any_colour(colour: str) -> None:
    style, _ = style_of(colour)
    background = colour_of(style, "button", "background")
    assert background == colour
    assert contrast(background, colour_of(style, "button", "color")) >= 4.5
    # The button stands out from the page, and a tick from its box.
    assert contrast(colour_of(style, "button", "border"), "#ffffff") >= 3
    assert contrast(colour_of(style, "input", "accent-color"), "#ffffff") >= 3


def test_all_other_text_can_be_read_on_its_ground() -> None:
    style, _ = style_of(None)
    ink = colour_of(style, "body", "color")
    for ground in (colour_of(style, "body", "background"), "#ffffff", "#eef4ee"):
        for text in (ink, *re.findall(r"[;{]color:(#[0-9a-f]{3,6})", style.split("button{")[0])):
            assert contrast(text, ground) >= 4.5, (text, ground)
