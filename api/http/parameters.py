"""Query parameters: one that a route does not know is refused, and so is one that is repeated."""

from __future__ import annotations

from difflib import get_close_matches

from fastapi import Request
from fastapi.dependencies.models import Dependant

from api.http.problems import Problem


def parameter_names(dependant: Dependant) -> frozenset[str]:
    """The names of a route's query parameters, and of those of its dependencies."""
    names = {parameter.alias for parameter in dependant.query_params}
    for each in dependant.dependencies:
        names |= parameter_names(each)
    return frozenset(names)


def refuse_unknown_parameters(request: Request, known: frozenset[str]) -> None:
    """Raise Problem 400 for a parameter that is not known, with the nearest one that is."""
    if not request.scope["query_string"]:
        return
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        shown = name[:60].encode("utf-8", "replace").decode()
        if name not in known:
            near = get_close_matches(name[:60], known, 1)
            if name == "next" and "cursor" in known:
                near = ["cursor"]
            if near:
                right = f"did you mean {near[0]!r}?"
            elif known:
                right = f"it is one of {', '.join(sorted(known))}"
            else:
                right = "this address takes none"
            raise Problem(
                400,
                "unknown_parameter",
                f"there is no parameter {shown!r}: {right}",
                parameter=shown,
            )
        if name in seen:
            raise Problem(
                400,
                "repeated_parameter",
                f"the parameter {shown!r} is there twice",
                parameter=shown,
            )
        seen.add(name)
