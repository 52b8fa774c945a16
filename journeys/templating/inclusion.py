"""Inclusion of templates in templates: partials by `render`, layouts by `{{ content }}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from journeys.model.documents import Template, TemplateContent
from journeys.model.unions import closest_match
from journeys.templating.contents import locale_chain
from journeys.templating.failures import TemplateError, UnknownTemplate
from journeys.templating.pieces import Piece, pieces

LONGEST: Final = 500_000
"""Characters of a text with all that it includes."""
_RENDER: Final = re.compile(r"""(?:'([^']*)'|"([^"]*)")\s*(.*)""", re.DOTALL)
_PARAMETER: Final = re.compile(
    r"""\s*,?\s*([A-Za-z_]\w*)\s*:\s*('[^']*'|"[^"]*"|[^\s,'"]+)""", re.DOTALL
)

Form = Literal["subject", "preheader", "html", "mjml", "text", "sms"]
_FORMS: Final[Mapping[Form, tuple[Form, ...]]] = {
    "subject": ("text",),
    "preheader": ("text",),
    "html": ("html",),
    "mjml": ("mjml", "html"),
    "text": ("text",),
    "sms": ("sms", "text"),
}
"""Which texts of a partial may stand in a text of each form, the best first."""


@dataclass(frozen=True, slots=True)
class Render:
    """A `render` tag: the key of a template, and the values that get names in it."""

    key: str
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a template: HTML or MJML."""

    form: Literal["html", "mjml"]
    text: str


def read_render(piece: Piece) -> Render:
    """The tag of a piece. Raises TemplateError if it is written otherwise."""
    found = _RENDER.fullmatch(piece.expression)
    parameters: list[tuple[str, str]] = []
    rest = "" if found is None else found[3].strip()
    while rest and (parameter := _PARAMETER.match(rest)):
        parameters.append((parameter[1], parameter[2]))
        rest = rest[parameter.end() :].strip()
    if found is None or rest:
        raise TemplateError(
            f"`{piece.text}` can't be read; write {{% render 'KEY' %}},"
            " or {% render 'KEY', name: value %}"
        )
    return Render(found[1] or found[2] or "", tuple(parameters))


def renders_in(text: str) -> Iterator[tuple[Render, int]]:
    """The `render` tags of a text, each with its line. Raises TemplateError."""
    line = 1
    for piece in pieces(text):
        if piece.kind == "tag" and piece.name == "render":
            try:
                yield read_render(piece), line
            except TemplateError as error:
                raise TemplateError(str(error), line=line) from None
        line += piece.text.count("\n")


def without_renders(text: str) -> str:
    """The text with its `render` tags replaced by the values that they read, line by line."""
    parts: list[str] = []
    for piece in pieces(text):
        if piece.kind != "tag" or piece.name != "render":
            parts.append(piece.text)
            continue
        parts += [
            f"{{% assign {name} = {value} %}}" for name, value in read_render(piece).parameters
        ]
        # An empty text in a comment would end it: lines stand for themselves.
        parts.append("\n" * piece.text.count("\n"))
    return "".join(parts)


def is_content(piece: Piece) -> bool:
    """Whether a piece is the `{{ content }}` of a layout."""
    return piece.kind == "output" and piece.expression == "content"


def is_layout(template: Template) -> bool:
    """Whether a template is a layout: one of its texts prints `{{ content }}`."""
    for each in (template, *template.locales.values()):
        for text in (each.html, each.mjml, each.text, each.sms):
            try:
                if text is not None and any(map(is_content, pieces(text))):
                    return True
            except TemplateError:
                continue
    return False


def used_by(template: Template) -> set[str]:
    """The keys of the templates that a template names: its layout and its partials."""
    found = {template.layout} if template.layout is not None else set()
    for each in (template, *template.locales.values()):
        for name in ("subject", "preheader", "html", "mjml", "text", "sms"):
            text = getattr(each, name)
            if text is not None and "render" in text:
                try:
                    found |= {render.key for render, _ in renders_in(text)}
                except TemplateError:
                    continue
    return found


class Localised:
    """A template as one language has it: each text from the nearest locale that has it."""

    def __init__(self, template: Template, locale: str | None) -> None:
        self.template = template
        by_name = {
            name.lower().replace("_", "-"): content for name, content in template.locales.items()
        }
        layers = [by_name[each] for each in locale_chain(locale) if each in by_name]
        self._layers: list[TemplateContent] = [*layers, template]

    def text(self, name: Form) -> str | None:
        """One of its texts; None if it has none.

        A text for a mail that is older than its HTML, because a nearer locale has HTML of its own,
        is none: it is in another language.
        """
        place, text = self._nearest(name)
        if name == "text" and text is not None:
            body = min(self._nearest("html")[0], self._nearest("mjml")[0])
            if body < place:
                return None
        return text

    def body(self) -> Body | None:
        """Its HTML or MJML."""
        for layer in self._layers:
            if layer.mjml is not None:
                return Body("mjml", layer.mjml)
            if layer.html is not None:
                return Body("html", layer.html)
        return None

    def _nearest(self, name: Form) -> tuple[int, str | None]:
        for place, layer in enumerate(self._layers):
            text: str | None = getattr(layer, name)
            if text is not None:
                return place, text
        return len(self._layers), None


class Inclusion:
    """Resolves partials and layouts of one template in one language."""

    def __init__(self, templates: Mapping[str, Template], locale: str | None) -> None:
        self._templates = templates
        self._locale = locale
        self._left = LONGEST

    def localised(self, key: str, word: str) -> Localised:
        """A template in the language. Raises UnknownTemplate if there is none."""
        template = self._templates.get(key)
        if template is None:
            near = closest_match(key, list(self._templates))
            hint = f"; did you mean `{near}`?" if near else ""
            raise UnknownTemplate(f"there is no {word} `{key}`{hint}")
        return Localised(template, self._locale)

    def expanded(self, text: str, form: Form, within: tuple[str, ...]) -> str:
        """The text with its partials put in. `within` are the templates that it stands in.

        Raises TemplateError, also if it grows too long or a template would contain itself.
        """
        parts: list[str] = []
        for piece in pieces(text):
            if piece.kind == "tag" and piece.name == "render":
                parts.append(self._partial(read_render(piece), form, within))
                continue
            self._left -= len(piece.text)
            if self._left < 0:
                raise TemplateError(
                    f"it is longer than {LONGEST:,} characters with all that it includes"
                )
            parts.append(piece.text)
        return "".join(parts)

    def layouts(self, template: Template) -> list[Localised]:
        """The layouts around a template, from the inner to the outer. Raises TemplateError."""
        found: list[Localised] = []
        seen = [template.template]
        layout = template.layout
        while layout is not None:
            if layout in seen:
                raise TemplateError(f"layouts in a circle: {' → '.join([*seen, layout])}")
            seen.append(layout)
            found.append(self.localised(layout, "layout"))
            layout = found[-1].template.layout
        return found

    def _partial(self, render: Render, form: Form, within: tuple[str, ...]) -> str:
        if render.key in within:
            path = " → ".join([*within, render.key])
            raise TemplateError(f"templates in a circle: {path}")
        partial = self.localised(render.key, "template")
        for each in _FORMS[form]:
            text = partial.text(each)
            if text is not None:
                break
        else:
            needed = " or ".join(f"`{each}`" for each in _FORMS[form])
            raise TemplateError(f"the template `{render.key}` has no {needed} to put in here")
        given = "".join(f"{{% assign {name} = {value} %}}" for name, value in render.parameters)
        return given + self.expanded(text, form, (*within, render.key))


def fill(layout: str, key: str, form: str, content: str) -> str:
    """The text of a layout with the content in the place of `{{ content }}`.

    Raises TemplateError if there is not exactly one place.
    """
    parts = list(pieces(layout))
    places = [number for number, piece in enumerate(parts) if is_content(piece)]
    if len(places) != 1:
        words = "no" if not places else "more than one"
        raise TemplateError(f"the layout `{key}` has {words} {{{{ content }}}} in its `{form}`")
    return "".join(
        content if number == places[0] else piece.text for number, piece in enumerate(parts)
    )
