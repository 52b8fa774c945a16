"""The command `aws`, as far as the docs use it.

`python -m tests.support.aws_command SERVICE CALL …` reads arguments as the AWS CLI does (names in
kebab-case, `NAME=VALUE` maps, JSON, `file://`), and checks them against AWS's own models.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]

_RENAMED = {("sns", "subscribe", "notification-endpoint"): "Endpoint"}
"""Options that the AWS CLI calls otherwise than its services do."""


def _value(shape: Any, texts: list[str]) -> Any:
    given = [
        Path(text.removeprefix("file://")).read_text() if text.startswith("file://") else text
        for text in texts
    ]
    if shape.type_name == "boolean":
        return True
    if shape.type_name == "list":
        return given
    [text] = given
    if text.lstrip().startswith("{"):
        return json.loads(text)
    if shape.type_name == "map":
        return dict(part.split("=", 1) for part in text.split(","))
    return text


def main(service: str, call: str, *arguments: str) -> str:
    """What the command prints."""
    client = boto3.client(  # type: ignore[call-overload]
        service,
        region_name=os.environ["AWS_REGION"],
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
    )
    operation = "".join(part.capitalize() for part in call.split("-"))
    model = client.meta.service_model.operation_model(operation)
    members = {
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower(): name
        for name in model.input_shape.members
    }
    options: dict[str, list[str]] = {}
    name = ""
    for argument in arguments:
        if argument.startswith("--"):
            name = argument.removeprefix("--")
            options[name] = []
        else:
            options[name].append(argument)
    query, output = options.pop("query", None), options.pop("output", ["json"])
    parameters = {}
    for option, texts in options.items():
        member = _RENAMED.get((service, call, option)) or members[option]
        parameters[member] = _value(model.input_shape.members[member], texts)
    answer: Any = getattr(client, call.replace("-", "_"))(**parameters)
    answer.pop("ResponseMetadata", None)
    if query:
        answer = jmespath.search(query[0], answer)
    if output == ["text"]:
        return "\t".join(answer) if isinstance(answer, list) else str(answer)
    return json.dumps(answer, default=str)


if __name__ == "__main__":
    sys.stdout.write(f"{main(*sys.argv[1:])}\n")
