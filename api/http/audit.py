"""The actor of a request, for the audit log, and the routes that leave no row in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Depends, Request

from api.http.keys import UsedKey
from api.http.middleware import request_id_of
from api.http.problems import Problem
from api.http.sessions import session_of
from store.operations.audit import Actor, Via

VIA_HEADER: Final = "Parcours-Via"
"""The header by which our own clients say what they are."""
_CLIENTS: Final[Mapping[str, Via]] = {"api": "api", "cli": "cli", "console": "console"}

_TRACKING: Final = "a tracking call: what contacts do is an event, and no change of an operator"
_PUBLIC: Final = "a signed link of a contact, which is recorded as an event or a consent"
_PROVIDER: Final = "a notification of a provider, which is recorded as an event"
_SHOWN: Final = "what a page of the console sends comes back to it, to be shown in a frame"
_VIEW: Final = "how a list of the console is shown, which changes nothing"
_DRAFT: Final = "a working copy, by which nothing runs: saving it as a document is in the log"
_COUNTED: Final = "a question: its job counts, and changes nothing"
_PREVIEW: Final = "a preview changes nothing, and the job that may make it deletes nothing"

NOT_AUDITED: Final[Mapping[str, str]] = {
    **{
        f"POST /v1/{name}": _TRACKING
        for name in ("identify", "track", "page", "screen", "group", "alias", "batch",
                     *"itpsgabm", "runs/{run}/events")
    },
    **{f"POST /{name}/{{token}}": _PUBLIC for name in "upc"},
    "POST /v1/attribution": _COUNTED,
    "POST /console/preview": _SHOWN,
    **{f"{method} /v1/drafts/{{kind}}/{{key}}": _DRAFT for method in ("PUT", "DELETE")},
    **{f"{method} /v1/views/{{name}}": _VIEW for method in ("PUT", "DELETE")},
    "POST /v1/drafts/{kind}/{key}/presence": "who edits a document now, for half a minute",
    "POST /f/{form}": "a form that a visitor sent, which is recorded as an event",
    **{f"POST /hooks/{name}": _PROVIDER for name in ("ses", "sms")},
    **{
        f"POST /v1/{name}": _PREVIEW
        for name in (
            "plan",
            "documents/describe",
            "documents/instants",
            "simulate",
            "segments/preview",
            "forms/preview",
            "brands/preview",
            "templates/preview",
            "contacts/import/columns",
            "templates/{key}/preview",
            "journeys/{key}/activate/preview",
            "journeys/{key}/backfill/preview",
        )
    },
}  # fmt: skip
"""By method and path: why a route that is no GET leaves no row in the audit log.

A test calls every other one, and fails if it leaves none.
"""


def _actor(request: Request, key: UsedKey) -> Actor:
    said = request.headers.get(VIA_HEADER)
    via = _CLIENTS.get("api" if said is None else said.strip().lower())
    if via is None:
        raise Problem(
            400, "invalid_via", f"{VIA_HEADER}: is one of {', '.join(_CLIENTS)}; or leave it out"
        )
    # Only the console has sessions.
    if session_of(request) is not None:
        via = "console"
    return Actor(key.name, via, key.id, key.scope, request_id_of(request.scope))


UsedActor = Annotated[Actor, Depends(_actor)]
"""Who makes the request, for `record_audit`. The route `requires` a key."""
