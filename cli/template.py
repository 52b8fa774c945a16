"""`parcours template`: list and show templates, preview them, send one as a test, lint files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import document_versions
from cli.client import DATA_DIR, AsJson, DataDir, as_page, find_server, segment
from cli.errors import ExitCode, refuse
from cli.files import check_sources, read_sources
from cli.tables import at_second, print_pairs, print_table, screen

app = typer.Typer(help="Contents that several sends share.", no_args_is_help=True)
document_versions.add_commands(app, document_versions.Kind.TEMPLATE)

TemplateKey = Annotated[str, typer.Argument(metavar="KEY", help="The template's key.")]
Contact = Annotated[
    str | None, typer.Option(help="The contact whose attributes it prints: its external id.")
]
Locale = Annotated[
    str | None, typer.Option(help="The language, such as fr or fr-CA; by default the contact's.")
]
Variables = Annotated[
    Path | None,
    typer.Option(help="A JSON file with `contact`, `entry`, `entries` and `steps` to read."),
]
Draft = Annotated[
    Path | None,
    typer.Option("--file", help="A file with the template as it is written, saved or not."),
]


@app.command("list")
def list_(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """List the templates of the server."""
    items = find_server(data_dir).list_all("/v1/templates")
    if as_json:
        typer.echo(as_page(items))
        return
    print_table(
        ["key", "subject", "layout", "languages", "version", "changed"],
        [
            (each["key"], each["document"].get("subject"), each["document"].get("layout"),
             ", ".join(each["document"].get("locales", {})), each["version"],
             at_second(each["updated_at"]))
            for each in items
        ],
        numbers=["version"],
    )  # fmt: skip


@app.command("show")
def show(
    key: TemplateKey,
    source: Annotated[
        bool, typer.Option("--source", help="Print the file alone, as it was written.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a template as it was written."""
    answer = find_server(data_dir).get(f"/v1/templates/{segment(key)}")
    if as_json:
        typer.echo(answer.text)
        return
    shown = answer.json()
    if not source:
        print_pairs(
            [
                ("template", shown["key"]),
                ("version", shown["version"]),
                ("changed", at_second(shown["updated_at"])),
            ]
        )
        screen().print()
    typer.echo(shown["source"].rstrip("\n"))


@app.command("preview")
def preview(
    key: TemplateKey,
    contact: Contact = None,
    locale: Locale = None,
    variables: Variables = None,
    file: Draft = None,
    html: Annotated[bool, typer.Option("--html", help="Print the HTML alone.")] = False,
    text: Annotated[bool, typer.Option("--text", help="Print the text alone.")] = False,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a template as a contact would get it. Nothing is sent."""
    if html + text + as_json > 1:
        refuse("--html, --text and --json do not go together; keep one", ExitCode.USAGE)
    server = find_server(data_dir)
    body = _sample(contact, locale, variables, file)
    path = f"/v1/templates/{segment(key)}/preview" if file is None else "/v1/templates/preview"
    answer = server.post(path, body)
    if as_json:
        typer.echo(answer.text)
        return
    shown = answer.json()
    for warning in shown["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    if html or text:
        part = shown["html" if html else "text"]
        if part is None:
            refuse(f"the template has no {'HTML' if html else 'text'} for this contact")
        typer.echo(part)
        return
    print_pairs(
        [
            ("subject", shown["subject"]),
            ("preheader", shown["preheader"]),
            ("language", shown["locale"] or "the template itself"),
            ("HTML", f"{len(shown['html'].encode()):,} bytes" if shown["html"] else None),
            ("content", shown["content"]),
        ]
    )
    for part in ("text", "sms"):
        if shown[part] is not None:
            screen().print()
            typer.echo(shown[part])


@app.command("send")
def send(
    key: TemplateKey,
    to: Annotated[
        str, typer.Option(help="An e-mail address, or a phone number such as +33612345678.")
    ],
    contact: Contact = None,
    locale: Locale = None,
    variables: Variables = None,
    file: Draft = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Send a template to an address by the real provider, as a test."""
    server = find_server(data_dir)
    body = {**_sample(contact, locale, variables, file), "to": to}
    answer = server.post(f"/v1/templates/{segment(key)}/send", body)
    sent = answer.json()
    if as_json:
        typer.echo(answer.text)
    elif sent["state"] in ("sent", "queued", "claimed"):
        words = "sent" if sent["state"] == "sent" else "still being sent"
        typer.echo(f"{words} to {to}: message {sent['id']}")
    if sent["state"] in ("failed", "unknown"):
        if as_json:
            raise typer.Exit(ExitCode.INVALID)
        why = ": ".join(filter(None, [sent["code"], sent["detail"]]))
        refuse(f"the message is {sent['state']}: {why}")


@app.command("lint")
def lint(
    files: Annotated[list[Path], typer.Argument(help="Files, or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Report on the templates of files: sizes, parts of SMS, and all advice about them.

    The status is 1 if there are errors. No server is needed.
    """
    from journeys.checks.content_lint import sms_parts
    from journeys.checks.references import KnownKeys
    from journeys.checks.template_set import TemplateSet
    from journeys.model.documents import Template

    parsed, problems = check_sources(read_sources(files))
    templates = TemplateSet(KnownKeys.of([each.document for each in parsed]).template_documents)
    report: list[dict[str, Any]] = []
    for each in parsed:
        if not isinstance(each.document, Template):
            continue
        for locale, content in templates.compiled(each.document.key).contents.items():
            parts = None if content.sms is None else sms_parts(content.sms)
            report.append(
                {
                    "template": each.document.key,
                    "locale": locale or None,
                    "html_bytes": None if content.html is None else len(content.html.encode()),
                    "text_characters": None if content.text is None else len(content.text),
                    "text_made": content.text_made,
                    "sms_encoding": None if parts is None else parts.encoding,
                    "sms_parts": None if parts is None else parts.parts,
                    "without_default": list(content.prints),
                }
            )
    if as_json:
        lines = [str(problem) for problem in problems]
        typer.echo(json.dumps({"templates": report, "problems": lines}, ensure_ascii=False))
    else:
        print_table(
            ["template", "language", "HTML", "text", "SMS", "attributes without a default"],
            [
                (each["template"], each["locale"],
                 None if each["html_bytes"] is None else f"{each['html_bytes']:,} bytes",
                 None if each["text_characters"] is None
                 else f"{each['text_characters']:,}{' (made)' if each['text_made'] else ''}",
                 None if each["sms_parts"] is None
                 else f"{each['sms_parts']} × {each['sms_encoding']}",
                 ", ".join(each["without_default"]))
                for each in report
            ],
        )  # fmt: skip
        for problem in problems:
            typer.echo(str(problem), err=True)
    if any(problem.severity == "error" for problem in problems):
        raise typer.Exit(ExitCode.INVALID)


def _sample(
    contact: str | None, locale: str | None, variables: Path | None, file: Path | None
) -> dict[str, Any]:
    """The body of a preview. The command ends if a file can't be read."""
    body: dict[str, Any] = {}
    if contact is not None:
        body["contact"] = contact
    if locale is not None:
        body["locale"] = locale
    if file is not None:
        [source] = read_sources([file]).values()
        body["text"] = source.decode("utf-8", "replace")
    if variables is not None:
        try:
            body["variables"] = json.loads(variables.read_bytes())
        except OSError as error:
            refuse(f"{variables} cannot be read: {error.strerror}")
        except ValueError:
            refuse(f"{variables} is not JSON")
        if not isinstance(body["variables"], dict):
            refuse(f"{variables} holds no JSON object")
    return body
