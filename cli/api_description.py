"""Print the OpenAPI description, from which the console's client gets its types."""

from __future__ import annotations

import sys

import orjson

from api.app import create_app
from infra.settings import Settings


def main() -> None:
    """Write the description to the standard output, with its keys in order."""
    app = create_app(Settings(database_url="postgresql:///"))
    text = orjson.dumps(app.openapi(), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    sys.stdout.buffer.write(text + b"\n")


if __name__ == "__main__":
    main()
