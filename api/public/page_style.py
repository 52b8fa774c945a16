"""The style of the public pages in a brand's colour, with contrast for every reader."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import Final

DEFAULT_COLOUR: Final = "#1f4e79"
_INK: Final = "#1b1b1b"
_WHITE: Final = "#ffffff"
_BLACK: Final = "#000000"
_SEEN: Final = 3.0
"""The contrast that the edge of a button needs (1.4.11)."""
_EDGE: Final = "#595959"

_STYLE: Final = """\
*{box-sizing:border-box}
html{font-size:100%;-webkit-text-size-adjust:100%}
body{margin:0;padding:2rem 1rem;background:#f3f3f1;color:INK;
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
overflow-wrap:anywhere}
main{max-width:34rem;margin:0 auto;padding:2rem;background:#fff;border-radius:.75rem;
border-top:.375rem solid COLOUR;box-shadow:0 1px 3px rgba(0,0,0,.12)}
header{margin:0 0 1.5rem;font-weight:600;color:#494949}
header img{display:block;max-width:12rem;max-height:4rem}
h1{margin:0 0 1rem;font-size:1.6rem;line-height:1.25}
p{margin:0 0 1.25rem}
form{margin:0 0 .75rem}
fieldset{margin:0 0 1.5rem;padding:0;border:0;min-width:0}
legend{margin:0 0 .25rem;padding:0;font-weight:600;font-size:1.125rem}
label{display:flex;gap:.75rem;align-items:flex-start;padding:.625rem 0;
border-bottom:1px solid #e2e2df;cursor:pointer}
label:last-child{border-bottom:0}
label small{display:block;font-size:.9rem;color:#494949}
input{flex:none;width:1.375rem;height:1.375rem;margin:.1rem 0 0;accent-color:ACCENT}
button{display:block;width:100%;min-height:2.875rem;padding:.625rem 1.25rem;font:inherit;
font-weight:600;text-align:center;cursor:pointer;border-radius:.5rem;border:2px solid EDGE;
background:COLOUR;color:LABEL;overflow-wrap:anywhere}
button.plain{background:#fff;color:INK;border-color:#767676}
a{color:INK;text-underline-offset:.15em}
button:hover{box-shadow:0 0 0 2px EDGE}
:focus-visible{outline:3px solid INK;outline-offset:3px;border-radius:.25rem}
nav{margin:1.25rem 0 0}
footer{max-width:34rem;margin:1.25rem auto 0;padding:0 2rem;font-size:.9rem;color:#494949;
white-space:pre-line}
.notice{padding:.75rem 1rem;background:#eef4ee;border-left:.25rem solid #2d6a3e}
@media (max-width:30rem){body{padding:.75rem .5rem}main{padding:1.5rem 1.125rem}
footer{padding:0 1.125rem}}
"""
_FORM_STYLE: Final = """\
.field{margin:0 0 1.25rem}
.field label{display:block;padding:0;border:0;cursor:auto;font-weight:600}
.field label small{display:inline;font-weight:400}
.field .box{display:flex;font-weight:400;cursor:pointer}
.hint,.error{margin:.125rem 0 .375rem;font-size:.9375rem;color:#494949}
.error{color:#a3141f;font-weight:600}
.field>input,select,textarea{display:block;width:100%;min-height:2.875rem;margin:.25rem 0 0;
padding:.5rem .75rem;font:inherit;color:INK;background:#fff;border:1px solid #767676;
border-radius:.5rem}
.field>input{height:auto}
textarea{resize:vertical}
[aria-invalid=true]{border:2px solid #a3141f!important}
.wrong{margin:0 0 1.5rem;padding:.75rem 1rem;border-left:.25rem solid #a3141f;background:#fbeeee}
.wrong ul{margin:.5rem 0 0;padding:0 0 0 1.25rem}
.wrong p{margin:0}
.asks{padding:.75rem 1rem;border-left:.25rem solid #8a5a00;background:#fdf5e4}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
"""
"""What pages with fields to fill in have in addition."""


@cache
def style_of(colour: str | None, *, form: bool = False) -> tuple[str, str]:
    """The style of pages in a colour such as `#1f4e79`, and its hash for the content policy.

    `form`: also of fields to fill in.
    """
    brand = _six(colour or DEFAULT_COLOUR)
    # One of black and white always has a contrast of 4.58 at least.
    label = max((_WHITE, _BLACK), key=lambda colour: contrast(brand, colour))
    visible = contrast(brand, _WHITE) >= _SEEN
    text = _STYLE + (_FORM_STYLE if form else "")
    for place, value in {
        "COLOUR": brand,
        "LABEL": label,
        "EDGE": brand if visible else _EDGE,
        "ACCENT": brand if visible else _EDGE,
        "INK": _INK,
    }.items():
        text = text.replace(place, value)
    return text, f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2, relative luminance)."""
    light, dark = sorted((_luminance(_six(one)), _luminance(_six(other))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _six(colour: str) -> str:
    digits = colour.removeprefix("#")
    return "#" + ("".join(digit * 2 for digit in digits) if len(digits) == 3 else digits)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
