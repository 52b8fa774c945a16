"""The OpenAPI description, completed: keys, problems, and the answers that every route can give."""

from __future__ import annotations

from threading import Lock
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from api.http.problems import ProblemBody, responses
from api.http.sessions import SECURE_COOKIE

PATH = "/openapi.json"

_OF_ALL = (400, 405)
"""A wrong parameter, and a wrong method."""
_OF_PARAMETERS = (422,)
_OF_BODIES = (400, 408, 413, 415, 422, 503)
_OF_KEYS = (401, 403, 503)
_PAGE = "text/html"
_TRACKING = "tracking"
_NULL = {"type": "null"}


def complete(app: FastAPI) -> None:
    """Add to the description of `app` the ways to send a key, problems, and common answers.

    It is served at `PATH`, of an application that serves none itself.
    """
    describe = app.openapi
    making = Lock()

    def openapi() -> dict[str, Any]:
        with making:
            return app.openapi_schema or completed(describe())

    def completed(described: dict[str, Any]) -> dict[str, Any]:
        components = described.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        schemas["ProblemBody"] = ProblemBody.model_json_schema()
        # An invalid request is answered with a problem, not in the form of the framework.
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic"},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": SECURE_COOKIE,
                "description": "A session of the console, for its own pages; see `POST /v1/session`"
                ". Over http on loopback its name is `parcours-PORT`.",
            },
        }
        described["security"] = [{"bearer": []}, {"basic": []}, {"session": []}]
        for path in described["paths"].values():
            for operation in path.values():
                if _TRACKING in operation.get("tags", ()):
                    # A session is of a person who operates; tracking calls have keys of sites.
                    operation.setdefault("security", [{"bearer": []}, {"basic": []}])
                _add_problems(operation)
                for parameter in operation.get("parameters", ()):
                    parameter["schema"] = _without_null(parameter["schema"])
        return described

    def read_description(_: Request) -> JSONResponse:
        return JSONResponse(openapi())

    app.openapi = openapi  # type: ignore[method-assign]
    # A plain function, which runs in a thread: to make the description takes about a second, for
    # which no other call should wait.
    app.add_route(PATH, read_description, include_in_schema=False)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter, which is left out or a text: there is no null in an address."""
    if "anyOf" not in schema:
        return schema
    kinds = [kind for kind in schema["anyOf"] if kind != _NULL]
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**(kinds[0] if len(kinds) == 1 else {"anyOf": kinds}), **rest}


def _add_problems(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    found = set(_OF_ALL)
    if operation.get("security") != []:
        found |= {*_OF_KEYS}
    if "requestBody" in operation:
        found |= {*_OF_BODIES}
    if operation.get("parameters"):
        found |= {*_OF_PARAMETERS}
    for status in sorted(found):
        described = responses(status)[status]
        own = answers.get(str(status), {}).get("content", {})
        if _PAGE in own:
            # A route of pages answers with one, unless the framework refuses the request first.
            described = {**described, "content": {_PAGE: own[_PAGE], **described["content"]}}
        answers[str(status)] = described
    # The framework describes 422 in a form of its own, where nothing can be invalid too.
    if "422" in answers and 422 not in found:
        answers["422"] = responses(422)[422]
    operation["responses"] = dict(sorted(answers.items()))
