"""`parcours api`: the API as a process."""

from typing import Annotated

import typer

from cli.settings import settings_or_refuse


def run(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
) -> None:
    """Serve the API against the servers that the environment names."""
    settings = settings_or_refuse()
    from api.public.link_files import LinkFileRefused, open_spool, read_scanners
    from cli.errors import refuse

    if settings.links is not None:
        try:
            read_scanners(settings.scanners)
            open_spool(settings.spool, settings.spool_bytes).close()
        except LinkFileRefused as refused:
            refuse(str(refused))
    import resource
    from functools import partial

    import uvicorn

    from api.app import create_app
    from api.http.connections import ConnectionLimits, server_config
    from infra.garbage import spare_what_stays
    from infra.logging import configure_logging
    from infra.settings import SettingsRefused
    from infra.tracing import begin_tracing, end_tracing

    configure_logging(settings.log, process="api")
    try:
        begin_tracing("api")
    except SettingsRefused as refused:
        refuse(str(refused))
    # A connection is a file to the system, which often allows a process only 1,024 at first.
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.http_unfinished * 2 + 1024
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        wanted = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(allowed, wanted), most))
    limits = ConnectionLimits(
        header_seconds=settings.http_header_seconds, unfinished=settings.http_unfinished
    )
    config = server_config(
        partial(create_app, settings),
        limits,
        factory=True,
        host=host,
        port=port,
        loop="uvloop",
        timeout_graceful_shutdown=8,
    )
    server = uvicorn.Server(config)
    config.load()
    # A look through all that is imported would keep requests waiting for a tenth of a second.
    spare_what_stays()
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    end_tracing()
    if not server.started:
        raise typer.Exit(3)
