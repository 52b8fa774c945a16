"""Tracking of links and opens, and the campaign parameters of links."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, StrictBool

from journeys.model.values import DocumentModel, Text

_LONGEST = 100


def _parameter(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST or not text.isprintable():
        raise ValueError(f"a campaign parameter has 1 to {_LONGEST} printable characters")
    return text


Parameter = Annotated[Text, AfterValidator(_parameter)]


class Track(DocumentModel):
    """Whether opens are seen and clicks on links recorded; unless it is said, they are."""

    opens: StrictBool | None = None
    clicks: StrictBool | None = None


class Utm(DocumentModel):
    """The `utm_…` parameters that links get."""

    source: Parameter | None = None
    medium: Parameter | None = None
    campaign: Parameter | None = None
    term: Parameter | None = None
    content: Parameter | None = None

    def parameters(self) -> dict[str, str]:
        """The parameters by their names in URLs."""
        return {f"utm_{name}": value for name, value in self.model_dump(exclude_none=True).items()}


# Most messages of an installation have the same few levels.
@lru_cache(maxsize=1024)
def strictest(*levels: Track | None) -> Track:
    """What is tracked: what one level refuses, no other can allow."""

    def allowed(name: str) -> bool:
        return all(getattr(level, name) is not False for level in levels if level is not None)

    return Track(opens=allowed("opens"), clicks=allowed("clicks"))


@lru_cache(maxsize=1024)
def nearest(*levels: Utm | None) -> Utm:
    """The parameters: for each the first value, from the nearest level to the farthest."""
    values: dict[str, str] = {}
    for level in levels:
        if level is not None:
            values = level.model_dump(exclude_none=True) | values
    return Utm(**values)
