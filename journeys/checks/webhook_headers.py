"""Checks of the headers of webhooks: what no HTTP call could carry, or is not for a step to set."""

from __future__ import annotations

import re
from collections.abc import Iterator

from journeys.model.document_parts import Part
from journeys.model.http_headers import is_header_name, is_header_value, why_reserved
from journeys.model.problems import Problem
from journeys.model.sends import Webhook

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def header_problems(part: Part) -> Iterator[Problem]:
    """The headers of a webhook with which every call would fail."""
    assert isinstance(part.model, Webhook)
    seen: set[str] = set()
    for name, value in part.model.headers.items():
        at = ("headers", name)
        if not is_header_name(name):
            yield part.problem(
                "header",
                f"`{name}` is no name of an HTTP header",
                "write letters, digits and hyphens, such as X-Api-Key",
                *at,
            )
            continue
        if reason := why_reserved(name):
            yield part.problem("header", f"a step can't set `{name}`: {reason}", None, *at)
        elif name.lower() in seen:
            yield part.problem("header", f"the header `{name}` is there twice", None, *at)
        seen.add(name.lower())
        written = _TAG.sub("", value)
        if "\n" in written or "\r" in written:
            yield part.problem(
                "header",
                f"the value of `{name}` has a line break, which no header can hold",
                "write it on one line",
                *at,
            )
        elif not is_header_value(written):
            yield part.problem(
                "header", f"the value of `{name}` has signs that are not ASCII", None, *at
            )
