"""What Temporal's UI says of a run from its start on: ids and the document's words alone."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from journeys.protocol.program import Program

_SUMMARY: Final = 200
"""Characters; Temporal takes twice as many bytes."""


def run_summary(journey: str, version: int, name: str | None, program: Program) -> str:
    """The journey and the first step in words. It stays true when the run moves to a version."""
    title = journey if name is None else f"{name} ({journey})"
    first = program.nodes[0].summary if program.nodes else "end"
    return f"{title}: begun in version {version} with {first}"[:_SUMMARY]


def run_page(run_id: UUID, public_url: str | None) -> str | None:
    """The page of a run in the console; None without a public URL."""
    return None if public_url is None else f"{public_url}/console/runs/{run_id}"


def run_details(run_id: UUID, contact_id: UUID, public_url: str | None) -> str:
    """Markdown that leads to the run and its contact: by the console, and by the command line."""
    commands = f"`parcours run show {run_id}`\n\n`parcours contact show {contact_id}`"
    if public_url is None:
        return commands
    return (
        f"[Run]({run_page(run_id, public_url)}) of"
        f" [its contact]({public_url}/console/contacts/{contact_id})\n\n{commands}"
    )
