"""Test recipients: the addresses to which tests go, and no others."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from journeys.model.addresses import check_email, normalise_phone
from journeys.model.values import DocumentModel, Key, Text

EmailText = Annotated[Text, AfterValidator(check_email)]
PhoneText = Annotated[Text, AfterValidator(normalise_phone)]


class TestRecipients(DocumentModel):
    """Addresses to which tests go. Once there are any, a test goes to no other address."""

    __test__: ClassVar[bool] = False
    kind: ClassVar[Literal["test_recipients"]] = "test_recipients"
    test_recipients: Key
    emails: list[EmailText] = Field(default_factory=list)
    phones: list[PhoneText] = Field(default_factory=list)

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.emails and not self.phones:
            raise ValueError("test recipients need `emails` or `phones`")
        return self

    @property
    def key(self) -> str:
        """The key of the document."""
        return self.test_recipients

    def include(self, address: str) -> bool:
        """Whether an e-mail address, in any case, or a number is among them."""
        known = {each.casefold() for each in (*self.emails, *self.phones)}
        return address.casefold() in known
