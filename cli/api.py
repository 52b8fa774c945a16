"""`parcours api`: the API as a process."""

from typing import Annotated

import typer

from cli.settings import settings_or_refuse


def run(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
) -> None:
    """Serve the API against the servers that the environment names."""
    import uvicorn

    from infra.logging import configure_logging

    settings = settings_or_refuse()
    configure_logging(settings.log, process="api")
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=host,
        port=port,
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=8,
    )
