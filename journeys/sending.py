"""How messages are sent: the settings of a send, and the contents of each channel."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator

from journeys.moments import Cap, QuietHours, Window
from journeys.values import DocumentModel, DurationText, Key, Text, Value


def _send_at(text: str) -> str:
    if text == "best":
        return text
    try:
        hour, minute = text.split(":")
        if len(text) == 5 and 0 <= int(hour) < 24 and 0 <= int(minute) < 60:
            return text
    except ValueError:
        pass
    raise ValueError(f'`{text}` is not a time to send at; write "10:00" or best')


SendAt = Annotated[Text, AfterValidator(_send_at)]


class SendSettings(DocumentModel):
    """What a send says for itself, or inherits from `defaults`."""

    topic: Key | None = None
    transactional: StrictBool | None = None
    from_: Text | None = Field(default=None, alias="from")
    reply_to: Text | None = None
    window: Window | None = None
    quiet_hours: QuietHours | None = None
    cap: Cap | None = None
    send_at: SendAt | None = None
    up_to: DurationText | None = None
    on_unknown: Literal["hold", "resend"] | None = None


class Email(SendSettings):
    """An e-mail: a template, or a subject with at least one body."""

    template: Key | None = None
    subject: Text | None = None
    html: Text | None = None
    mjml: Text | None = None
    text: Text | None = None

    @model_validator(mode="after")
    def _content(self) -> Self:
        bodies = [name for name in ("html", "mjml", "text") if getattr(self, name) is not None]
        if self.template is not None:
            if bodies:
                raise ValueError(f"`template` and `{bodies[0]}` do not go together; keep one")
        elif self.subject is None:
            raise ValueError(
                "an e-mail needs `template`, or `subject` with `html`, `mjml` or `text`"
            )
        elif not bodies:
            raise ValueError("an e-mail with a `subject` needs a body: `html`, `mjml` or `text`")
        elif "html" in bodies and "mjml" in bodies:
            raise ValueError("`html` and `mjml` do not go together; keep one")
        return self


class Sms(SendSettings):
    """A text message."""

    template: Key | None = None
    text: Text | None = None

    @model_validator(mode="after")
    def _content(self) -> Self:
        if (self.template is None) == (self.text is None):
            raise ValueError("an SMS needs either `text` or `template`")
        return self


class Webhook(DocumentModel):
    """A signed HTTP call. Its strings are templates; mappings that look like references are."""

    url: Text
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[str, Text] = Field(default_factory=dict)
    body: Value = None


class EffectiveSend(DocumentModel):
    """The settings of one send after inheritance."""

    topic: str | None = None
    transactional: bool = False
    from_: str | None = Field(default=None, alias="from")
    reply_to: str | None = None
    window: Window | None = None
    quiet_hours: QuietHours | None = None
    cap: Cap | None = None
    send_at: str | None = None
    up_to: str | None = None
    on_unknown: Literal["hold", "resend"] = "hold"


HELD_BY = ("window", "quiet_hours", "cap")
"""What only a send that is not transactional inherits."""


def inherit(own: SendSettings, *above: SendSettings) -> EffectiveSend:
    """The settings of a send, the nearest first: key by key, what is said nearest wins.

    A transactional send keeps its own window, quiet hours and cap, and ignores inherited ones.
    """
    names = list(SendSettings.model_fields)
    layers = [own, *above]
    said = {
        name: next((v for layer in layers if (v := getattr(layer, name)) is not None), None)
        for name in names
    }
    if said["transactional"]:
        said |= {name: getattr(own, name) for name in HELD_BY}
    return EffectiveSend(**{name: value for name, value in said.items() if value is not None})
