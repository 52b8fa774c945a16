"""Checks of attachments: where they come from, and what the HTML shows of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from journeys.checks.references import KnownKeys
from journeys.model.attachments import AttachedFile, is_within
from journeys.model.document_parts import Part
from journeys.model.journey import Journey
from journeys.model.problems import Problem
from journeys.model.sends import Email
from journeys.model.steps import EmailStep
from journeys.model.unions import closest_match

_CID = re.compile(r"\bcid:([^\s\"'<>()]+)", re.IGNORECASE)
REFUSED_ENDINGS: Final = frozenset(
    {
        "ade", "adp", "apk", "appx", "bat", "cab", "chm", "cmd", "com", "cpl", "dll", "dmg", "exe",
        "hta", "ins", "iso", "isp", "jar", "js", "jse", "lib", "lnk", "mde", "msc", "msi", "msix",
        "msp", "mst", "nsh", "pif", "ps1", "scr", "sct", "shb", "sys", "vb", "vbe", "vbs", "vhd",
        "vxd", "wsc", "wsf", "wsh",
    }
)  # fmt: skip
"""Endings of files that Gmail never takes."""


def attachment_problems(part: Part, known: KnownKeys) -> Iterator[Problem]:
    """A file from a place that the server does not fetch from, and one that is refused."""
    model = part.model
    if not isinstance(model, AttachedFile):
        return
    sources = known.attachment_sources
    if model.url is not None and sources is not None and not is_within(model.url, sources):
        yield part.problem(
            "attachment_source",
            f"attachments are not fetched from `{model.url}`",
            "use `parcours file upload`, or name its folder in PARCOURS_ATTACHMENTS_FROM",
            "url",
        )
    ending = model.shown_name.rpartition(".")[2].lower()
    if ending in REFUSED_ENDINGS:
        message = f"Gmail and others refuse mail with a file `.{ending}`"
        yield replace(part.problem("attachment_refused", message), severity="warning")


def shown_files(journey: Journey) -> Iterator[Problem]:
    """Images that the HTML of a step shows by `cid:`, and that are not attached."""
    for path, step in journey.walk():
        if not isinstance(step, EmailStep):
            continue
        names = [each.shown_name for each in journey.effective(step).attachments]
        for key in ("html", "mjml"):
            yield from _not_attached(step.email, key, names, (*path, "email", key), step.id)


def _not_attached(
    email: Email, key: str, names: list[str], path: tuple[str | int, ...], step: str
) -> Iterator[Problem]:
    for name in dict.fromkeys(_CID.findall(getattr(email, key) or "")):
        if name in names or unquote(name) in names or "{{" in name:
            continue
        near = closest_match(name, names)
        yield Problem(
            "unknown_attachment",
            f"the HTML shows `cid:{name}`, and no attachment has that name",
            f"did you mean `{near}`?" if near else "attach it under that name",
            path=path,
            step=step,
        )
