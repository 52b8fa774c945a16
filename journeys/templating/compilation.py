"""Compilation of templates when they are saved: from documents to contents, in each language.

Layouts and partials are put in, MJML becomes HTML, style sheets are inlined, and a missing text is
made from the HTML. Liquid is hidden from the compilers meanwhile and stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from journeys.model.documents import Template
from journeys.model.sends import Email, Sms
from journeys.model.steps import Step
from journeys.model.tracking import nearest, strictest
from journeys.templating.contents import Content
from journeys.templating.failures import TemplateError
from journeys.templating.html_compilation import MJML_ROOT, CompiledHtml, compile_html
from journeys.templating.inclusion import Body, Form, Inclusion, Localised, fill
from journeys.templating.liquid import attributes_printed, variables_of

_DOCUMENT: Final = re.compile(r"<(?:html|body|!doctype)\b", re.IGNORECASE)


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
    html = CompiledHtml()
    if own.mjml is not None:
        html = compile_html(Body("mjml", own.mjml), None)
    elif own.html is not None:
        html = compile_html(Body("html", own.html), None)
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

    def _html(self, preheader: str | None) -> CompiledHtml:
        body = self._localised.body()
        if body is None:
            return CompiledHtml()
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
        return compile_html(body, preheader, inner=inner, locale=self._locale)

    def _check_fit(self, body: Body, layout: Body, key: str) -> None:
        if body.form == "mjml" and layout.form == "html":
            raise TemplateError(
                f"MJML can't stand in the layout `{key}`, which is HTML; write the layout in MJML"
            )
        whole = MJML_ROOT.match(body.text) if body.form == "mjml" else _DOCUMENT.search(body.text)
        if whole:
            wanted = "what stands in <mj-body>" if body.form == "mjml" else "what stands in <body>"
            raise TemplateError(
                f"a whole document can't stand in the layout `{key}`; write only {wanted}"
            )

    def _expanded(self, text: str, form: Form, key: str) -> str:
        return self._inclusion.expanded(text, form, (key,))


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
