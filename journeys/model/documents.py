"""Documents: the parts of a file, each of the kind that its first key names."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias, get_args

from pydantic import AfterValidator, Field, Tag, TypeAdapter, model_validator

from journeys.model.brands import Brand
from journeys.model.conditions import Condition, Number
from journeys.model.contact_fields import check_locale
from journeys.model.forms import Form
from journeys.model.holdouts import Holdout
from journeys.model.journey import Journey
from journeys.model.sends import Channel, Provider, WithProviders
from journeys.model.test_recipients import TestRecipients
from journeys.model.tracking import Track, Utm
from journeys.model.unions import discriminated_by, tag
from journeys.model.values import DocumentModel, Key, Name, Text

DocumentKind = Literal[
    "journey", "form", "segment", "topic", "template", "places", "channel", "brand",
    "test_recipients", "holdout",
]  # fmt: skip
DOCUMENT_KINDS: Final[tuple[DocumentKind, ...]] = get_args(DocumentKind)
"""A form names its topic, and a topic its brand: the key of the earlier kind says what it is."""


class Segment(DocumentModel):
    """A set of contacts, defined by a condition."""

    kind: ClassVar[DocumentKind] = "segment"
    segment: Key
    if_: Condition = Field(alias="if")

    @property
    def key(self) -> str:
        """The key of the document."""
        return self.segment


class Topic(WithProviders):
    """What a contact subscribes to, and whether it is subscribed without a record."""

    kind: ClassVar[DocumentKind] = "topic"
    topic: Key
    name: Text | None = None
    default: Literal["opt_in", "opt_out", "double"]
    provider: Provider | None = None
    fallback: Provider | None = None
    brand: Key | None = None
    """The brand of its pages and of the From of its mail; None: the one called `default`."""
    track: Track | None = None
    utm: Utm | None = None

    @property
    def key(self) -> str:
        """The key of the document."""
        return self.topic

    @property
    def sets_sends(self) -> bool:
        """Whether it has settings of sends."""
        return any((*self.named_providers, self.track, self.utm))


Locale = Annotated[Text, AfterValidator(check_locale)]
"""`fr` or `fr-CA`."""


class TemplateContent(DocumentModel):
    """The content of a template in one language."""

    subject: Text | None = None
    preheader: Text | None = None
    html: Text | None = None
    mjml: Text | None = None
    text: Text | None = None
    sms: Text | None = None

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.html is not None and self.mjml is not None:
            raise ValueError("`html` and `mjml` do not go together; keep one")
        return self


class Template(TemplateContent):
    """Content that several sends share."""

    kind: ClassVar[DocumentKind] = "template"
    template: Key
    layout: Key | None = None
    track: Track | None = None
    utm: Utm | None = None
    locales: dict[Locale, TemplateContent] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _content(self) -> Self:
        if not any((self.html, self.mjml, self.text, self.sms, self.locales)):
            raise ValueError("a template needs `html`, `mjml`, `text`, `sms` or `locales`")
        return self

    @property
    def key(self) -> str:
        """The key of the document."""
        return self.template


class Place(DocumentModel):
    """A named point, in degrees (WGS 84)."""

    name: Name
    lat: Annotated[Number, Field(ge=-90, le=90)]
    lon: Annotated[Number, Field(ge=-180, le=180)]


class Places(DocumentModel):
    """A list of places."""

    kind: ClassVar[DocumentKind] = "places"
    places: Key
    list: Annotated[list[Place], Field(min_length=1)]

    @property
    def key(self) -> str:
        """The key of the document."""
        return self.places


Document = Annotated[
    Annotated[Journey, Tag(tag("journey"))]
    | Annotated[Form, Tag(tag("form"))]
    | Annotated[Segment, Tag(tag("segment"))]
    | Annotated[Topic, Tag(tag("topic"))]
    | Annotated[Template, Tag(tag("template"))]
    | Annotated[Places, Tag(tag("places"))]
    | Annotated[Channel, Tag(tag("channel"))]
    | Annotated[Brand, Tag(tag("brand"))]
    | Annotated[TestRecipients, Tag(tag("test_recipients"))]
    | Annotated[Holdout, Tag(tag("holdout"))],
    discriminated_by("a document", *DOCUMENT_KINDS, hints={"steps": "journey", "entry": "journey"}),
]

AnyDocument: TypeAlias = (
    Journey
    | Form
    | Segment
    | Topic
    | Template
    | Places
    | Channel
    | Brand
    | TestRecipients
    | Holdout
)
DOCUMENT: Final[TypeAdapter[Any]] = TypeAdapter(Document)


def load(content: dict[str, Any]) -> AnyDocument:
    """The document of a JSON value that `as_document` returned. Raises ValidationError."""
    document: AnyDocument = DOCUMENT.validate_python(content)
    return document
