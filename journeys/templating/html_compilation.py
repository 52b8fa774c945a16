"""Compilation of one HTML or MJML: style sheets inlined, a preheader put in, a text made from it.

Liquid is hidden from the compilers meanwhile and stays what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import css_inline
from markupsafe import escape
from mjml import mjml2html

from journeys.templating.failures import TemplateError
from journeys.templating.html_elements import OF_MJML
from journeys.templating.html_to_text import text_of_html
from journeys.templating.inclusion import Body, is_content
from journeys.templating.markup import Markup
from journeys.templating.pieces import pieces
from journeys.templating.tokens import Tokens

_LONGEST_COMPILED: Final = 2_000_000
MJML_ROOT: Final = re.compile(r"\s*(?:<!--.*?-->\s*)*<mjml[\s>]", re.DOTALL | re.IGNORECASE)
"""The beginning of a whole document of MJML."""
_BODY: Final = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_PREHEADER: Final = (
    '<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;'
    'overflow:hidden;mso-hide:all">{text}' + "&#8203;&#847; " * 40 + "</div>"
)
"""Hidden, and filled up so that mail programs show nothing of the body after it."""
_FRAGMENTS: Final = (
    "<mjml><mj-body>{}</mj-body></mjml>",
    "<mjml><mj-body><mj-section>{}</mj-section></mj-body></mjml>",
    "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>",
)
_POSITION: Final = re.compile(r"at position (\d+):\d+")


@dataclass(frozen=True, slots=True)
class CompiledHtml:
    """HTML, the text that was made from it, and whether its style sheets stayed where they were."""

    html: str | None = None
    made: str | None = None
    not_inlined: bool = False


def compile_html(
    body: Body, preheader: str | None, *, inner: str | None = None, locale: str = ""
) -> CompiledHtml:
    """The HTML with its styles inlined, and its text. `inner` stands in the place of `content`."""
    tokens = Tokens("\n".join(filter(None, [body.text, inner, preheader])))
    place = None
    if inner is not None:
        place = tokens.hide(inner)
        body = Body(body.form, "".join(
            tokens.plain(place) if is_content(piece) else piece.text for piece in pieces(body.text)
        ))  # fmt: skip
    html = tokens.hide_liquid(body.text)
    if body.form == "mjml":
        html = _compile_mjml(html, tokens)
        if locale:
            language = escape(locale.replace("_", "-"))
            html = html.replace('lang="und"', f'lang="{language}"')
    if place is not None and inner is not None:
        comment = tokens.comment(place)
        if comment not in html:
            raise TemplateError(
                "HTML can't stand where the layout has {{ content }}; put that in <mj-raw>"
            )
        html = html.replace(comment, tokens.hide_liquid(inner))
    moved = False
    markup = Markup(html, tokens, of_mjml=body.form == "mjml")
    prepared = markup.prepared()
    if markup.styled:
        inlined = _inlined(prepared)
        # Parsers move what stands where it may not, and Liquid would no longer be around it.
        moved = tokens.has_liquid and tokens.order(inlined) != tokens.order(prepared)
        if not moved:
            html = inlined
        elif body.form == "mjml" or inner is not None:
            html = prepared
    elif body.form == "mjml" or inner is not None:
        html = prepared
    # Otherwise there is nothing to compile, and it stays as it was written.
    text = text_of_html(prepared, tokens.own_comment)
    made = tokens.restore(tokens.plain_token.sub(lambda found: _only_liquid(found, tokens), text))
    if preheader is not None:
        hidden = _PREHEADER.format(text=escape(tokens.hide_liquid(preheader)))
        found = _BODY.search(html)
        html = html[: found.end()] + hidden + html[found.end() :] if found else hidden + html
    lost = tokens.lost(html)
    if body.form == "mjml":
        # Settings of the head that no element uses, and comments, are lost on purpose.
        head = body.text[: max(body.text.lower().find("<mj-body"), 0)]
        lost = [each for each in lost if each.startswith("{%") or each not in head]
    if lost:
        shown = lost[0] if len(lost[0]) < 80 else lost[0][:77] + "…"
        raise TemplateError(
            f"`{shown}` can't stand there: MJML leaves it out; put it into a text or into the value"
            " of an attribute that it only passes on, such as href, src, alt or color"
        )
    html = tokens.restore(html)
    if len(html) > _LONGEST_COMPILED:
        raise TemplateError(f"the HTML is longer than {_LONGEST_COMPILED:,} characters")
    return CompiledHtml(html, made or None, moved)


def _only_liquid(found: re.Match[str], tokens: Tokens) -> str:
    return found[0] if tokens.is_liquid(int(found[1])) else ""


def _compile_mjml(text: str, tokens: Tokens) -> str:
    markup = Markup(text, tokens, mjml=True)
    prepared = markup.prepared()
    if "mj-include" in markup.elements:
        raise TemplateError("`mj-include` reads files; write {% render 'KEY' %} instead")
    unknown = sorted(
        each for each in markup.elements if each.startswith("mj-") and each not in OF_MJML
    )
    if unknown:
        raise TemplateError(f"MJML has no element <{unknown[0]}>")
    if MJML_ROOT.match(prepared):
        wrappings: tuple[str, ...] = ("{}",)
    else:
        wrappings = _FRAGMENTS
    failure: TemplateError | None = None
    for wrapping in wrappings:
        try:
            return mjml2html(wrapping.replace("{}", prepared))
        except (OSError, ValueError) as error:
            failure = failure or _readable(str(error), prepared)
    assert failure is not None
    raise failure


def _readable(message: str, text: str) -> TemplateError:
    position = _POSITION.search(message)
    line = text.count("\n", 0, int(position[1])) + 1 if position else None
    if "end of stream" in message:
        return TemplateError("the MJML ends too early: an element has no end tag", line=line)
    return TemplateError(
        "the MJML can't be read: an element is in the wrong place or has no end tag", line=line
    )


def _inlined(html: str) -> str:
    inliner = css_inline.CSSInliner(
        load_remote_stylesheets=False,
        keep_style_tags=True,
        remove_inlined_selectors=True,
        keep_at_rules=True,
        keep_link_tags=True,
    )
    try:
        return inliner.inline(html)
    except css_inline.InlineError as error:
        raise TemplateError(f"the style sheet can't be read: {error}") from None
