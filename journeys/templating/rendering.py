"""Rendering of a message: its content's texts within one budget, and failures by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from journeys.templating.contents import Content
from journeys.templating.html_to_text import collapse
from journeys.templating.liquid import Budget, Moment, TemplateError, TemplateLimit, render


class RenderingFailed(Exception):
    """A message that can't be made of its content and its contact.

    `code` says why: `template` or `empty`; the text says what and where.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RenderingTooLarge(Exception):
    """A message that takes more than its budget; the text says which part."""


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """The texts of an e-mail; at least one of `text` and `html` is there."""

    subject: str
    html: str | None
    text: str | None


class Rendering:
    """The rendering of one message, within one budget for all of its texts."""

    def __init__(self, variables: Mapping[str, Any], moment: Moment, budget: Budget) -> None:
        self._variables = variables
        self._moment = moment
        self._budget = budget

    def email(self, content: Content, subject: str | None = None) -> RenderedEmail:
        """The texts of an e-mail; `subject` replaces that of the content.

        Raises RenderingFailed and RenderingTooLarge.
        """
        subject = subject if subject is not None else content.subject
        if subject is None:
            raise RenderingFailed("template", "there is no `subject` in the contact's language")
        line = " ".join(self.words("subject", subject).split())
        text: str | None = None
        if content.text is not None:
            if content.text_made:
                text = self.made_text(content.text)
            else:
                text = self.words("text", content.text)
        html = None if content.html is None else self.words("html", content.html, html=True)
        if text is None and html is None:
            raise RenderingFailed("template", "there is no `html` and no `text` to send")
        return RenderedEmail(subject=line, html=html, text=text)

    def made_text(self, text: str) -> str | None:
        """A rendered text that was made from HTML; None if the HTML has no words at all."""
        return collapse(self.part("text", text)) or None

    def sms(self, content: Content) -> str:
        """The text of an SMS. Raises RenderingFailed and RenderingTooLarge."""
        if content.sms is None:
            raise RenderingFailed("template", "there is no `sms` in the contact's language")
        return self.words("text", content.sms)

    def words(self, name: str, text: str, *, html: bool = False) -> str:
        """A rendered text that has something in it. Raises as `email` does."""
        rendered = self.part(name, text, html=html)
        if not rendered.strip():
            raise RenderingFailed("empty", f"`{name}` is empty for this contact")
        return rendered

    def part(self, name: str, text: str, *, html: bool = False) -> str:
        """A rendered text. Raises RenderingFailed and RenderingTooLarge."""
        try:
            return render(text, self._variables, self._moment, html=html, budget=self._budget)
        except TemplateLimit as error:
            raise RenderingTooLarge(f"`{name}`: {error}") from None
        except TemplateError as error:
            line = f", line {error.line}" if error.line is not None and "\n" in text else ""
            raise RenderingFailed(error.code, f"`{name}`{line}: {error}") from None


def sample_variables(
    contact: Mapping[str, Any] | None, given: Mapping[str, Any], links: Mapping[str, str]
) -> dict[str, Any]:
    """What a preview or a test message reads: the contact, what was given, and links.

    What is given of the contact counts more than the contact.
    """
    variables: dict[str, Any] = {"entry": {}, "entries": [], "steps": {}, **given, **links}
    own = given.get("contact")
    variables["contact"] = {**(contact or {}), **(own if isinstance(own, Mapping) else {})}
    return variables
