"""`parcours doctor`: what is well, and what to do about what is not."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from cli.errors import ExitCode
from cli.settings import settings_or_refuse


def run(
    resolver: Annotated[
        str | None, typer.Option(help="A DNS resolver, `address` or `address:port`.")
    ] = None,
    dkim_selector: Annotated[
        str | None, typer.Option(help="The selector under which your mail server signs.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check settings, servers, provider, DNS and public URL; each line says what to do.

    It reads the settings of the processes from the environment, and changes nothing. Status 1:
    something must be corrected.
    """
    from doctor.examination import examine
    from doctor.names import lookup_by

    settings = settings_or_refuse()
    findings = asyncio.run(examine(settings, lookup_by(resolver), dkim_selector=dkim_selector))
    failed = any(each.verdict == "fail" for each in findings)
    if as_json:
        typer.echo(json.dumps({"items": [each.as_json() for each in findings], "ok": not failed}))
    else:
        width = max(len(each.check) for each in findings)
        for each in findings:
            typer.echo(f"{each.verdict:<4}  {each.check:<{width}}  {each.says}")
    if failed:
        raise typer.Exit(ExitCode.INVALID)
