"""Sends: their settings, their contents by channel, and the settings of channels."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, model_validator

from journeys.model.attachments import AttachedFile, Attachments
from journeys.model.countries import country_code
from journeys.model.moments import Cap, QuietHours, Window
from journeys.model.tracking import Track, Utm, nearest, strictest
from journeys.model.unions import closest_match
from journeys.model.values import DocumentModel, Key, LengthText, Text, Value
from journeys.protocol.channels import NAMED_PROVIDERS, MessageChannel

_MINUTE = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)


def _send_at(text: str) -> str:
    if text == "best" or _MINUTE.fullmatch(text):
        return text
    raise ValueError(f'`{text}` is not a time to send at; write "10:00" or best')


SendAt = Annotated[Text, AfterValidator(_send_at)]


def _provider(text: str) -> str:
    known: list[str] = [name for names in NAMED_PROVIDERS.values() for name in names]
    if text in known:
        return text
    near = closest_match(text, known)
    hint = f"did you mean `{near}`?" if near else f"write {', '.join(known)}"
    raise ValueError(f"there is no provider `{text}`; {hint}")


Provider = Annotated[Text, AfterValidator(_provider)]
"""The name of a provider, such as `ses`."""


SendClass = Literal["marketing", "service"]
"""What caps of all channels, rates and freezes look at. A transactional send is `service`."""

SENT_BY = ("provider", "fallback")
"""Settings that count for the channel of their provider alone."""


class WithProviders(DocumentModel):
    """A document, or a part of one, that has a `provider` and a `fallback`.

    The fallback is used for a message that the provider has certainly not taken, three times.
    """

    @model_validator(mode="after")
    def _two_providers(self) -> Self:
        provider, fallback = self.named_providers
        if fallback is not None and fallback == provider:
            raise ValueError(
                f"`fallback` is the provider `{fallback}` itself; name another one, or leave it out"
            )
        return self

    @property
    def named_providers(self) -> tuple[str | None, str | None]:
        """The provider and the fallback."""
        return getattr(self, "provider", None), getattr(self, "fallback", None)

    def of_channel(self, channel: MessageChannel) -> None:
        """Raise ValueError for a provider of another channel."""
        known = NAMED_PROVIDERS[channel]
        for key, name in zip(SENT_BY, self.named_providers, strict=True):
            if name is not None and name not in known:
                raise ValueError(
                    f"`{key}`: `{name}` is no provider of {channel}; write {' or '.join(known)}"
                )


class SendSettings(WithProviders):
    """Settings that a send has itself or inherits from `defaults`."""

    topic: Key | None = None
    transactional: StrictBool | None = None
    from_: Text | None = Field(default=None, alias="from")
    reply_to: Text | None = None
    window: Window | None = None
    quiet_hours: QuietHours | None = None
    cap: Cap | None = None
    apart: LengthText | None = None
    """The least time between two messages to a contact, on any channel."""
    class_: SendClass | None = Field(default=None, alias="class")
    send_at: SendAt | None = None
    up_to: LengthText | None = None
    on_unknown: Literal["hold", "resend"] | None = None
    provider: Provider | None = None
    fallback: Provider | None = None
    attachments: Attachments | None = None
    """Of e-mails; other messages pass them over."""
    track: Track | None = None
    utm: Utm | None = None


class MessageContent(SendSettings):
    """Content of a message: a template, or texts in the step itself."""

    template_fields: ClassVar[tuple[str, ...]]
    """The fields whose texts are Liquid templates."""
    channel: ClassVar[MessageChannel]
    template: Key | None = None

    @model_validator(mode="after")
    def _own_providers(self) -> Self:
        self.of_channel(self.channel)
        return self


class Email(MessageContent):
    """An e-mail: a template, or a subject with a body."""

    template_fields: ClassVar[tuple[str, ...]] = ("subject", "html", "mjml", "text")
    channel: ClassVar[MessageChannel] = "email"
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


class Sms(MessageContent):
    """A text message."""

    template_fields: ClassVar[tuple[str, ...]] = ("text",)
    channel: ClassVar[MessageChannel] = "sms"
    text: Text | None = None

    @model_validator(mode="after")
    def _content(self) -> Self:
        if self.attachments:
            raise ValueError("an SMS has no attachments")
        if (self.template is None) == (self.text is None):
            raise ValueError("an SMS needs either `text` or `template`")
        return self


class Webhook(DocumentModel):
    """A signed HTTP call, whose texts are templates and whose body may hold references."""

    url: Text
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[str, Text] = Field(default_factory=dict)
    body: Value = None
    up_to: LengthText | None = None
    """How long after its first attempt it is tried again; by default a day."""


CountryCode = Annotated[Text, AfterValidator(country_code)]
"""`FR`, in capitals or not."""


class Country(DocumentModel):
    """Hours that hold for all contacts of a country, in addition to all other settings."""

    window: Window | None = None
    quiet_hours: QuietHours | None = None


class Channel(WithProviders):
    """Settings for all messages of a channel; times and caps for those not transactional alone.

    A journey may override them, but not those of `countries`.
    """

    kind: ClassVar[Literal["channel"]] = "channel"
    channel: MessageChannel
    window: Window | None = None
    quiet_hours: QuietHours | None = None
    cap: Cap | None = None
    apart: LengthText | None = None
    class_: SendClass | None = Field(default=None, alias="class")
    provider: Provider | None = None
    fallback: Provider | None = None
    countries: dict[CountryCode, Country] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _unique_countries(cls, value: object) -> object:
        countries = value.get("countries") if isinstance(value, dict) else None
        seen: set[str] = set()
        for code in countries if isinstance(countries, dict) else ():
            if str(code).upper() in seen:
                raise ValueError(f"`countries` names {str(code).upper()} twice")
            seen.add(str(code).upper())
        return value

    @model_validator(mode="after")
    def _own_providers(self) -> Self:
        self.of_channel(self.channel)
        return self

    @property
    def key(self) -> str:
        """The key of the document."""
        return self.channel

    def of_country(self, code: str | None) -> Country | None:
        """The settings of a contact's country; None if it has none."""
        return self.countries.get(code.upper()) if code else None


class EffectiveSend(DocumentModel):
    """The settings of one send after inheritance."""

    topic: str | None = None
    transactional: bool = False
    from_: str | None = Field(default=None, alias="from")
    reply_to: str | None = None
    window: Window | None = None
    quiet_hours: QuietHours | None = None
    cap: Cap | None = None
    apart: str | None = None
    class_: SendClass = Field(default="marketing", alias="class")
    send_at: str | None = None
    up_to: str | None = None
    on_unknown: Literal["hold", "resend"] = "hold"
    provider: str | None = None
    """None: that of the installation."""
    fallback: str | None = None
    attachments: list[AttachedFile] = Field(default_factory=list)
    track: Track = Track(opens=True, clicks=True)
    utm: Utm = Utm()


HELD_BY = ("window", "quiet_hours", "cap", "apart")
"""Settings that a transactional send does not inherit."""
CLASSED_BY = ("class_",)
"""The setting of a send's class."""
FOLLOWED_BY = ("track", "utm")
"""Settings of what is known of a message's links."""
TIMED_BY = ("send_at", "up_to")
"""Further settings of when a message goes out."""


def inherit(
    own: SendSettings, *above: SendSettings, channel: MessageChannel | None = None
) -> EffectiveSend:
    """The settings of a send: for each key the first value, from its own to the outermost.

    A transactional send keeps its own window, quiet hours, cap and distance, and inherits none; its
    class is `service`. Providers of another channel than `channel` are passed over. Tracking that
    one layer refuses is refused, and each campaign parameter is inherited by itself.
    """
    names = list(SendSettings.model_fields)
    layers = [own, *above]
    values = {
        name: next((v for layer in layers if (v := getattr(layer, name)) is not None), None)
        for name in names
    }
    known = () if channel is None else NAMED_PROVIDERS[channel]
    for name in SENT_BY:
        named = (getattr(layer, name) for layer in layers)
        values[name] = next((provider for provider in named if provider in known), None)
    if values["fallback"] == values["provider"]:
        values["fallback"] = None
    if values["transactional"]:
        values |= {name: getattr(own, name) for name in HELD_BY}
        values["class_"] = "service"
    if values["track"] is not None:
        values["track"] = strictest(*(layer.track for layer in layers))
    if values["utm"] is not None:
        values["utm"] = nearest(*(layer.utm for layer in layers))
    return EffectiveSend(**{name: value for name, value in values.items() if value is not None})
