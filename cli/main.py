"""The command `parcours`."""

from typing import Annotated

import typer

from cli import (
    api,
    attention,
    attribution,
    audit,
    contact,
    contact_erase,
    contact_person,
    contact_remove,
    contact_runs,
    contact_timeline,
    coupon,
    demo,
    dev,
    doctor,
    document_versions,
    event,
    experiment,
    explain,
    export,
    fault,
    file,
    freeze,
    holdout,
    job,
    journey,
    key,
    log,
    message,
    migrate,
    pause,
    run,
    segment,
    simulate,
    snippet,
    stats,
    suppression,
    template,
    temporal,
    today,
    upcoming,
    worker,
)
from infra.garbage import collect_rarely

app = typer.Typer(
    name="parcours",
    help="Customer journeys as durable workflows.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"parcours {version('parcours')}")
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Customer journeys as durable workflows."""
    # A command imports most of what it needs once it is known which one it is.
    collect_rarely()


app.command("dev")(dev.run)
app.command("demo")(demo.run)
app.command("api")(api.run)
app.add_typer(worker.app, name="worker")
app.command("migrate")(migrate.run)
app.command("doctor")(doctor.run)
app.add_typer(journey.app, name="journey")
app.add_typer(template.app, name="template")
app.add_typer(run.app, name="run")
app.command("temporal")(temporal.run)
app.add_typer(message.app, name="message")
app.add_typer(job.app, name="job")
app.add_typer(contact.app, name="contact")
app.add_typer(segment.app, name="segment")
contact.app.command("timeline")(contact_timeline.timeline)
contact.app.command("runs")(contact_runs.runs)
contact.app.command("remove")(contact_remove.remove)
contact.app.command("erase")(contact_erase.erase)
contact.app.command("export-person")(contact_person.export_person)
app.add_typer(coupon.app, name="coupon")
app.add_typer(event.app, name="event")
app.add_typer(file.app, name="file")
app.add_typer(fault.app, name="fault")
app.command("freeze")(freeze.freeze)
app.command("unfreeze")(freeze.unfreeze)
app.command("freezes")(freeze.freezes)
app.command("pause")(pause.pause)
app.command("resume")(pause.resume)
app.command("stats")(stats.run)
app.command("today")(today.run)
app.command("experiment")(experiment.run)
app.command("export")(export.run)
app.command("explain")(explain.run)
app.command("attention")(attention.attention)
app.command("upcoming")(upcoming.run)
app.command("lag")(attention.lag)
app.command("attribution")(attribution.run)
app.add_typer(holdout.app, name="holdout")
app.command("simulate")(simulate.run)
app.command("snippet")(snippet.run)
app.add_typer(key.app, name="key")
app.add_typer(document_versions.app, name="document")
app.command("audit")(audit.audit)
app.command("log")(log.run)
app.add_typer(suppression.app, name="suppression")


if __name__ == "__main__":
    app()
