"""Checks of providers: those that the server is not set up for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from journeys.checks.references import KnownKeys
from journeys.model.document_parts import Part
from journeys.model.problems import Problem
from journeys.model.sends import SENT_BY, WithProviders


def provider_problems(part: Part, known: KnownKeys) -> Iterator[Problem]:
    """Providers without settings on the server: their messages would wait until it has them."""
    model = part.model
    if not isinstance(model, WithProviders) or known.providers is None:
        return
    for key, name in zip(SENT_BY, model.named_providers, strict=True):
        if name is not None and name not in known.providers:
            yield replace(
                part.problem(
                    "provider_not_set_up",
                    f"the server has no settings of `{name}`, so it takes no message yet",
                    "see docs/settings.md",
                    key,
                ),
                severity="warning",
            )
