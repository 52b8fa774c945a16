"""`parcours snippet`: what a site pastes into its pages."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import DATA_DIR, DataDir
from cli.errors import ExitCode, refuse

_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)


def run(
    key: Annotated[
        str | None, typer.Option(help="A key of scope ingest; by default that of `parcours dev`.")
    ] = None,
    stub: Annotated[
        bool, typer.Option(help="With the line by which pages may call before the script is there.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the parts as JSON.")] = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Print what to paste into the head of each page.

    The script is loaded from PARCOURS_PUBLIC_URL, else from PARCOURS_API_URL, else from the
    development stack of --data-dir.
    """
    from api.public.script.snippet import Snippet

    url = os.environ.get("PARCOURS_PUBLIC_URL") or os.environ.get("PARCOURS_API_URL")
    if url is None or key is None:
        stack = _stack(data_dir)
        if stack is not None:
            url = url or stack["api"]
            if key is None and url == stack["api"]:
                key = stack["keys"]["ingest"]
    if url is None:
        refuse("where is the API? Set PARCOURS_PUBLIC_URL, or start `parcours dev`", ExitCode.USAGE)
    if key is None:
        refuse(
            "which key? Make one by `parcours key create --scope ingest --origin"
            " https://shop.example`, and name it by --key",
            ExitCode.USAGE,
        )
    if _KEY.fullmatch(key) is None:
        refuse("--key: it has characters that no key has", ExitCode.INVALID)
    if not key.startswith("pk_ingest_"):
        refuse("--key: everybody can read it in a page, so its scope must be ingest")
    snippet = Snippet(url.rstrip("/"), key)
    if as_json:
        parts = {"html": snippet.html, "tag": snippet.tag, "policy": snippet.policy}
        typer.echo(json.dumps(parts))
        return
    typer.echo(snippet.html if stub else snippet.tag)
    typer.echo(f"a page with a Content-Security-Policy allows: {snippet.policy}", err=True)


def _stack(data_dir: Path) -> dict[str, Any] | None:
    """What `stack.json` says; None if no stack runs there."""
    try:
        stack: dict[str, Any] = json.loads((data_dir / "stack.json").read_text())
    except (OSError, ValueError):
        return None
    return stack
