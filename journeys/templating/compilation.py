"""Compilation of templates when they are saved: from documents to contents, in each language.

Layouts and partials are put in, MJML becomes HTML, style sheets are inlined, and a missing text is
made from the HTML. Liquid is hidden from the compilers meanwhile and stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import css_inline
from markupsafe import escape
from mjml import mjml2html

from journeys.model.documents import Template
from journeys.model.sends import Email, Sms
from journeys.model.steps import Step
from journeys.model.tracking import nearest, strictest
from journeys.templating.contents import Content
from journeys.templating.failures import TemplateError
from journeys.templating.html_elements import OF_MJML
from journeys.templating.html_to_text import text_of_html
from journeys.templating.inclusion import Body, Form, Inclusion, Localised, fill, is_content
from journeys.templating.liquid import attributes_printed, variables_of
from journeys.templating.markup import Markup
from journeys.templating.pieces import pieces
from journeys.templating.tokens import Tokens

_LONGEST_COMPILED: Final = 2_000_000
_ROOT: Final = re.compile(r"\s*(?:<!--.*?-->\s*)*<mjml[\s>]", re.DOTALL | re.IGNORECASE)
_DOCUMENT: Final = re.compile(r"<(?:html|body|!doctype)\b", re.IGNORECASE)
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
class Flaw:
    """Why a text of a template can't be compiled."""

    code: str
    path: tuple[str, ...]
    message: str
    line: int = 0
    """In the text; 0 if it is not known."""


@dataclass(slots=True)
class Compiled:
    """The contents of a template by locale; the empty one is the template itself."""

    contents: dict[str, Content] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)


def compile_template(template: Template, templates: Mapping[str, Template]) -> Compiled:
    """Compile a template in each of its languages. `templates` are all that it may include."""
    compiled = Compiled()
    for locale in ("", *template.locales):
        compilation = _Compilation(template, templates, locale)
        try:
            content = compilation.content()
        except TemplateError as error:
            path = compilation.path
            compiled.flaws.append(Flaw(error.code, path, str(error), error.line or 0))
        else:
            if any((content.html, content.text, content.sms, content.subject)):
                compiled.contents[locale] = content
    return compiled


def compile_step(step: Step) -> Content | None:
    """The content of a send that has its own texts; None for any other step.

    Raises TemplateError.
    """
    own = getattr(step, step.kind, None)
    if isinstance(own, Sms) and own.text is not None:
        return _described(Content(sms=own.text))
    if not isinstance(own, Email) or own.template is not None:
        return None
    html = _Html()
    if own.mjml is not None:
        html = _compile_html(Body("mjml", own.mjml), None)
    elif own.html is not None:
        html = _compile_html(Body("html", own.html), None)
    return _described(
        Content(
            subject=own.subject,
            html=html.html,
            text=own.text if own.text is not None else html.made,
            text_made=own.text is None,
            not_inlined=html.not_inlined,
        )
    )


class _Compilation:
    """A template in one language."""

    def __init__(self, template: Template, templates: Mapping[str, Template], locale: str) -> None:
        self._template = template
        self._locale = locale
        self._localised = Localised(template, locale)
        self._inclusion = Inclusion(templates, locale)
        self._layouts: list[Localised] = []
        self.path: tuple[str, ...] = ()
        """The text that is being compiled."""

    def content(self) -> Content:
        """The compiled content. Raises TemplateError."""
        self.path = ("layout",)
        self._layouts = self._inclusion.layouts(self._template)
        subject = self._line("subject")
        preheader = self._line("preheader")
        text = self._text("text")
        html = self._html(preheader)
        return _described(
            Content(
                subject=subject,
                preheader=preheader,
                html=html.html,
                text=text if text is not None else html.made,
                sms=self._text("sms"),
                text_made=text is None,
                not_inlined=html.not_inlined,
                track=self._track(),
                utm=self._utm(),
            )
        )

    def _levels(self) -> list[Template]:
        return [self._template, *(layout.template for layout in self._layouts)]

    def _track(self) -> dict[str, bool] | None:
        tracks = [each.track for each in self._levels() if each.track is not None]
        return strictest(*tracks).model_dump() if tracks else None

    def _utm(self) -> dict[str, str] | None:
        return nearest(*(each.utm for each in self._levels())).model_dump(exclude_none=True) or None

    def _at(self, name: str) -> None:
        own = self._template.locales.get(self._locale)
        inside = own is not None and getattr(own, name) is not None
        self.path = ("locales", self._locale, name) if inside else (name,)

    def _line(self, name: Form) -> str | None:
        self._at(name)
        text = self._localised.text(name)
        return None if text is None else self._expanded(text, name, self._template.template)

    def _text(self, name: Form) -> str | None:
        self._at(name)
        text = self._localised.text(name)
        if text is None:
            return None
        text = self._expanded(text, name, self._template.template)
        for layout in self._layouts:
            around = layout.text(name)
            if around is not None:
                key = layout.template.template
                text = fill(self._expanded(around, name, key), key, name, text)
        return text

    def _html(self, preheader: str | None) -> _Html:
        body = self._localised.body()
        if body is None:
            return _Html()
        self._at(body.form)
        body = Body(body.form, self._expanded(body.text, body.form, self._template.template))
        inner: str | None = None
        for layout in self._layouts:
            around = layout.body()
            if around is None:
                continue
            key = layout.template.template
            outer = Body(around.form, self._expanded(around.text, around.form, key))
            self._check_fit(body, outer, key)
            if body.form == "html" and outer.form == "mjml":
                fill(outer.text, key, outer.form, "")
                inner, body = body.text, outer
            else:
                body = Body(outer.form, fill(outer.text, key, outer.form, body.text))
        return _compile_html(body, preheader, inner=inner, locale=self._locale)

    def _check_fit(self, body: Body, layout: Body, key: str) -> None:
        if body.form == "mjml" and layout.form == "html":
            raise TemplateError(
                f"MJML can't stand in the layout `{key}`, which is HTML; write the layout in MJML"
            )
        whole = _ROOT.match(body.text) if body.form == "mjml" else _DOCUMENT.search(body.text)
        if whole:
            wanted = "what stands in <mj-body>" if body.form == "mjml" else "what stands in <body>"
            raise TemplateError(
                f"a whole document can't stand in the layout `{key}`; write only {wanted}"
            )

    def _expanded(self, text: str, form: Form, key: str) -> str:
        return self._inclusion.expanded(text, form, (key,))


@dataclass(frozen=True, slots=True)
class _Html:
    """HTML, the text that was made from it, and whether its style sheets stayed where they were."""

    html: str | None = None
    made: str | None = None
    not_inlined: bool = False


def _compile_html(
    body: Body, preheader: str | None, *, inner: str | None = None, locale: str = ""
) -> _Html:
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
    return _Html(html, made or None, moved)


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
    if _ROOT.match(prepared):
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


def _described(content: Content) -> Content:
    """The content with what its Liquid reads and prints. Raises TemplateError."""
    reads: dict[str, None] = {}
    prints: dict[str, None] = {}
    for text in _texts(content):
        reads |= dict.fromkeys(variable.root for variable in variables_of(text))
        prints |= dict.fromkeys(attributes_printed(text))
    return replace(
        content,
        text_made=content.text_made and content.text is not None,
        reads=tuple(sorted(reads)),
        prints=tuple(sorted(prints)),
    )


def _texts(content: Content) -> Iterator[str]:
    for text in (content.subject, content.html, content.text, content.sms):
        if text is not None and ("{{" in text or "{%" in text):
            yield text
