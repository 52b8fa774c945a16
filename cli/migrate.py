"""`parcours migrate`: upgrade the database of DATABASE_URL to the newest schema."""

import typer

from cli.errors import ExitCode, refuse
from cli.settings import settings_or_refuse


def run() -> None:
    """Upgrade the tables of DATABASE_URL. Running it again changes nothing."""
    import psycopg
    import sqlalchemy.exc

    from journeys.time.durations import Duration
    from store.migrations.upgrade import FigureSettings, upgrade
    from store.operations.audit import Actor

    settings = settings_or_refuse()
    try:
        upgrade(
            settings.database_url,
            by=Actor.of_command().name,
            figures=FigureSettings(
                settings.timezone, Duration.parse(settings.keep_figures).nominal()
            ),
        )
    except (psycopg.OperationalError, sqlalchemy.exc.OperationalError) as error:
        refuse(
            f"the database cannot be reached: {str(error).splitlines()[0]}", ExitCode.UNREACHABLE
        )
    typer.echo("the database is up to date")
