"""The page of a form: its fields, with what was typed and what is wrong beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from fastapi import Response

from api.public.form_robots import HIDDEN_FIELD
from api.public.page_html import Framing, Look, document_response
from journeys.model.form_values import Mistake
from journeys.model.forms import FieldWords, Form, FormField, FormWords

STAMP_FIELD: Final = "_stamp"
LANGUAGE_FIELD: Final = "_lang"
CONSENT_FIELD: Final = "_consent"
FILLED_TRAP: Final = "form_again_hidden"
"""The text for a visitor whose browser filled in the field that people do not see."""

_AUTOCOMPLETE: Final = {
    "email": "email",
    "phone": "tel",
    "name": "name",
    "first_name": "given-name",
    "firstName": "given-name",
    "last_name": "family-name",
    "lastName": "family-name",
    "company": "organization",
    "birthday": "bday",
    "birth_date": "bday",
    "country": "country",
}
"""What browsers may fill in, by the names that fields usually have (WCAG 2.2, 1.3.5)."""
_INPUTS: Final = {"text": "text", "email": "email", "phone": "tel", "date": "date"}


@dataclass(frozen=True, slots=True)
class ShownForm:
    """A form in the language of its visitor."""

    form: Form
    look: Look
    locale: str
    topic_name: str | None

    @property
    def words(self) -> FormWords:
        """Its own texts."""
        return self.form.words(self.locale)

    @property
    def values(self) -> dict[str, str]:
        """What the texts of the pages have in their places."""
        return {"brand": self.look.name, "topic": self.topic_name or self.form.topic or ""}

    def text(self, key: str) -> str:
        """A text of the pages."""
        return self.look.texts.text(key, **self.values)

    def html(self, key: str) -> str:
        """The same as HTML."""
        return self.look.texts.html(key, **self.values)

    @property
    def button(self) -> str:
        """The label of its button."""
        return self.words.button or self.text("form_button")

    @property
    def consent(self) -> str | None:
        """What its visitor agrees to; None if there is no topic."""
        if self.form.topic is None:
            return None
        return self.words.consent or self.text("form_consent")

    @property
    def consent_shown(self) -> str | None:
        """The consent with the label of the button that gives it, as it is recorded."""
        if self.consent is None or self.form.consent_box is not None:
            return self.consent
        return f"{self.consent} {self.button}"

    @property
    def thanks(self) -> str:
        """What follows a submission, unless that is another page."""
        own = self.words.thanks
        if own is not None and own.text is not None:
            return own.text
        return self.text("form_thanks" if self.form.topic is None else "form_thanks_topic")

    @property
    def framing(self) -> Framing:
        """Where it may be shown, and where it leads."""
        return Framing(self.form.frames, self.form.thanks_origins)

    def mistake(self, mistake: Mistake) -> str:
        """What is wrong with a field, in words."""
        return self.text(f"form_error_{mistake}")


@dataclass(frozen=True, slots=True)
class Filled:
    """What a visitor typed, and what the page says of it."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mistakes: Mapping[str, Mistake] = field(default_factory=dict)
    asks: str | None = None
    """The key of the text that asks to send it once more."""

    def text(self, name: str) -> str:
        """What was typed into a field."""
        return next(iter(self.values.get(name, ())), "")


def form_page(shown: ShownForm, stamp: str, filled: Filled, status: int = 200) -> Response:
    """The page with the form."""
    title = escape(shown.words.title or shown.form.key)
    body = "".join(_parts(shown, stamp, filled))
    return document_response(title, body, shown.look, status, framing=shown.framing, form=True)


def thanks_page(shown: ShownForm) -> Response:
    """The page after a submission."""
    body = f"<p>{_lines(shown.thanks)}</p>\n"
    title = shown.html("form_thanks_title")
    return document_response(title, body, shown.look, framing=shown.framing, form=True)


def _parts(shown: ShownForm, stamp: str, filled: Filled) -> Iterable[str]:
    form, words = shown.form, shown.words
    if filled.asks is not None:
        yield f'<p class="asks" role="alert">{shown.html(filled.asks)}</p>\n'
    if filled.mistakes:
        yield _summary(shown, filled)
    if words.intro is not None:
        yield f"<p>{_lines(words.intro)}</p>\n"
    # The browser's own checks would hide what the page says beside each field.
    yield '<form method="post" novalidate>\n'
    yield _hidden(STAMP_FIELD, stamp) + _hidden(LANGUAGE_FIELD, shown.locale)
    first = next((each.name for each in form.fields if each.name in filled.mistakes), None)
    for each in form.fields:
        yield _field(shown, each, filled, focus=each.name == first)
    if filled.asks != FILLED_TRAP:
        # A browser that fills in what is hidden would do so again.
        yield _trap()
    yield _consent(shown, filled)
    yield f"<button>{escape(shown.button)}</button>\n</form>\n"


def _summary(shown: ShownForm, filled: Filled) -> str:
    items = []
    for each in shown.form.fields:
        if each.name in filled.mistakes:
            label = escape(shown.form.field_words(each, shown.locale).label or each.label)
            wrong = escape(shown.mistake(filled.mistakes[each.name]))
            items.append(f'<li><a href="#f-{each.name}">{label}</a>: {wrong}</li>')
    if CONSENT_FIELD in filled.mistakes:
        wrong = escape(shown.mistake(filled.mistakes[CONSENT_FIELD]))
        items.append(f'<li><a href="#f-{CONSENT_FIELD}">{wrong}</a></li>')
    return (
        f'<div class="wrong" role="alert"><p>{shown.html("form_errors")}</p>\n'
        f"<ul>{''.join(items)}</ul></div>\n"
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">\n'


def _trap() -> str:
    """The field that people do not see, and programs that read the page aloud do not name."""
    return (
        f'<div class="hidden" aria-hidden="true"><label for="f-{HIDDEN_FIELD}">Website</label>'
        f'<input id="f-{HIDDEN_FIELD}" name="{HIDDEN_FIELD}" type="text" tabindex="-1"'
        ' autocomplete="off"></div>\n'
    )


def _field(shown: ShownForm, definition: FormField, filled: Filled, *, focus: bool) -> str:
    words = shown.form.field_words(definition, shown.locale)
    name, typed = definition.name, filled.text(definition.name)
    mistake = filled.mistakes.get(name)
    notes = ""
    described: list[str] = []
    if words.hint is not None:
        described.append(f"f-{name}-hint")
        notes += f'<p class="hint" id="f-{name}-hint">{_lines(words.hint)}</p>\n'
    if mistake is not None:
        described.append(f"f-{name}-error")
        notes += f'<p class="error" id="f-{name}-error">{escape(shown.mistake(mistake))}</p>\n'
    attributes = _attributes(
        id=f"f-{name}",
        name=name,
        required=definition.required,
        aria_invalid="true" if mistake is not None else None,
        aria_describedby=" ".join(described) or None,
        autofocus=focus,
        autocomplete=_AUTOCOMPLETE.get(name),
    )
    label = escape(words.label or definition.label)
    if definition.type == "checkbox":
        ticked = " checked" if typed else ""
        box = f'<input type="checkbox" value="on"{attributes}{ticked}>'
        return (
            f'<div class="field">{notes}<label class="box" for="f-{name}">{box}'
            f"<span>{label}</span></label></div>\n"
        )
    if not definition.required:
        label += f" <small>({shown.html('form_optional')})</small>"
    control = _control(shown, definition, words, typed, attributes)
    return f'<div class="field"><label for="f-{name}">{label}</label>\n{notes}{control}</div>\n'


def _control(
    shown: ShownForm, definition: FormField, words: FieldWords, typed: str, attributes: str
) -> str:
    if definition.type == "choice":
        options = [f'<option value="">{shown.html("form_choose")}</option>']
        for option in definition.options:
            chosen = " selected" if option == typed else ""
            label = escape(words.options.get(option, option))
            options.append(f'<option value="{escape(option)}"{chosen}>{label}</option>')
        return f"<select{attributes}>{''.join(options)}</select>"
    longest = f' maxlength="{definition.limit}"'
    if definition.lines is not None:
        # A line break right after the tag is not part of the text.
        return (
            f'<textarea rows="{definition.lines}"{longest}{attributes}>\n{escape(typed)}</textarea>'
        )
    kind = _INPUTS[definition.type]
    return f'<input type="{kind}" value="{escape(typed)}"{longest}{attributes}>'


def _consent(shown: ShownForm, filled: Filled) -> str:
    text = shown.consent
    if text is None:
        return ""
    if shown.form.consent_box is None:
        return f"<p>{_lines(text)}</p>\n"
    mistake = filled.mistakes.get(CONSENT_FIELD)
    note = ""
    if mistake is not None:
        wrong = escape(shown.mistake(mistake))
        note = f'<p class="error" id="f-{CONSENT_FIELD}-error">{wrong}</p>\n'
    attributes = _attributes(
        id=f"f-{CONSENT_FIELD}",
        name=CONSENT_FIELD,
        required=shown.form.consent_box == "required",
        aria_invalid="true" if mistake is not None else None,
        aria_describedby=f"f-{CONSENT_FIELD}-error" if mistake is not None else None,
        checked=bool(filled.text(CONSENT_FIELD)),
    )
    return (
        f'<div class="field">{note}<label class="box" for="f-{CONSENT_FIELD}">'
        f'<input type="checkbox" value="on"{attributes}><span>{_lines(text)}</span></label></div>\n'
    )


def _attributes(**given: str | bool | None) -> str:
    written = ""
    for key, value in given.items():
        name = key.replace("_", "-")
        if value is True:
            written += f" {name}"
        elif value:
            written += f' {name}="{escape(str(value))}"'
    return written


def _lines(text: str) -> str:
    return escape(text.strip()).replace("\n", "<br>")
