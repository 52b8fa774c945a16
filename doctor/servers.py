"""PostgreSQL, Temporal and the public address: reachable, current, and of the same time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import psycopg
from psycopg import AsyncConnection
from pydantic import ValidationError
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.service import RPCError

from doctor.findings import Finding, clock_finding, fail, ok, warn
from infra.clients import connect_temporal
from infra.settings import Settings
from journeys.checks.retention import windows_too_long
from journeys.model.documents import load
from journeys.time.durations import Duration
from store.migrations.upgrade import newest_revision
from store.operations.server_facts import live_documents, server_facts

_TIMEOUT: Final = 5.0
_OLDEST_POSTGRES: Final = 15
_BASE: Final = datetime(2026, 1, 1, tzinfo=UTC)


async def database_findings(settings: Settings) -> list[Finding]:
    """Whether the database answers, has the newest schema, and keeps what journeys ask for."""
    try:
        conn = await AsyncConnection.connect(
            settings.database_url, connect_timeout=int(_TIMEOUT), autocommit=True
        )
    except psycopg.Error as error:
        words = str(error).splitlines()[0]
        return [fail("PostgreSQL", f"cannot be reached: {words}. Check DATABASE_URL")]
    async with conn:
        before = datetime.now(UTC)
        facts = await server_facts(conn)
        passed = datetime.now(UTC) - before
        found = [
            ok("PostgreSQL", f"version {facts.version} answers")
            if facts.version >= _OLDEST_POSTGRES
            else fail("PostgreSQL", f"version {facts.version} is too old: use 15 or newer")
        ]
        newest = newest_revision()
        if facts.revision != newest:
            found.append(
                fail(
                    "schema",
                    f"is at {facts.revision or 'nothing'} and not at {newest}:"
                    " run `parcours migrate`",
                )
            )
            return found
        found.append(ok("schema", f"is the newest, {newest}"))
        ahead = before + passed / 2 - facts.now
        found.append(clock_finding("clock of PostgreSQL", "PostgreSQL", ahead, passed / 2))
        found.append(await _windows(conn, settings))
    return found


async def _windows(conn: AsyncConnection[Any], settings: Settings) -> Finding:
    keep = Duration.parse(settings.keep_events)
    for key, content in await live_documents(conn):
        try:
            problems = list(windows_too_long(load(content), keep))
        except ValidationError:
            continue
        if problems:
            return fail("retention", f"`{key}`: {problems[0].message}; {problems[0].hint}")
    for name in ("content", "hits"):
        if _end(settings.keep[name]) > _end(settings.keep_runs):
            return warn(
                "retention",
                f"PARCOURS_KEEP_{name.upper()} is longer than PARCOURS_KEEP_VISITS, with which the"
                " messages go: shorten it",
            )
    return ok("retention", f"events are kept for {settings.keep_events}, as journeys need it")


def _end(duration: str) -> datetime:
    return Duration.parse(duration).add_to(_BASE, ZoneInfo("UTC"))


async def temporal_finding(settings: Settings) -> Finding:
    """Whether Temporal answers and has the namespace."""
    environment = settings.temporal_environment
    namespace = environment.get("TEMPORAL_NAMESPACE", "default")
    try:
        client = await connect_temporal(settings)
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=timedelta(seconds=5)
        )
    except (RuntimeError, RPCError) as error:
        words = str(error).splitlines()[0][:200]
        return fail("Temporal", f"{words}. Check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE")
    return ok("Temporal", f"answers, with the namespace {namespace}")


async def public_findings(settings: Settings) -> list[Finding]:
    """Whether readers reach this API at its public address, by TLS."""
    url = settings.public_url
    if url is None:
        return [
            warn(
                "public URL",
                "is not set, so messages have no links and no unsubscription by click: set"
                " PARCOURS_PUBLIC_URL and PARCOURS_LINK_KEYS",
            )
        ]
    found = [ok("link keys", f"{len(settings.link_keys)} set; the first one signs")]
    before = datetime.now(UTC)
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as client:
            answer = await client.get(f"{url}/healthz")
    except (httpx.HTTPError, OSError) as error:
        words = f"{url} cannot be reached: {str(error) or type(error).__name__}"
        return [*found, fail("public URL", f"{words}. Check DNS, the certificate and the proxy")]
    passed = datetime.now(UTC) - before
    if answer.status_code != 200 or _status(answer) != "ok":
        words = f"{url}/healthz answers {answer.status_code}, and not as this API does"
        return [*found, fail("public URL", f"{words}: let the proxy pass all paths unchanged")]
    if url.startswith("https://"):
        found.append(ok("public URL", f"{url} answers"))
    else:
        words = "and mail programs take one-click unsubscriptions by https alone: use TLS"
        found.append(warn("public URL", f"{url} answers, {words}"))
    stated = answer.headers.get("date")
    if stated is not None:
        ahead = before + passed / 2 - parsedate_to_datetime(stated)
        # The header has whole seconds.
        unsure = passed / 2 + timedelta(seconds=1)
        found.append(clock_finding("clock of the public URL", url, ahead, unsure))
    return found


def _status(answer: httpx.Response) -> object:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body.get("status") if isinstance(body, dict) else None


def local_findings(settings: Settings) -> list[Finding]:
    """Secrets and directories of this machine."""
    found = []
    if settings.webhook_secret is None:
        words = "is not set, so no webhook is sent: set PARCOURS_WEBHOOK_SECRET if you use them"
        found.append(warn("webhook secret", words))
    else:
        found.append(ok("webhook secret", "is set"))
    if settings.public_url is not None:
        found.append(_spool(settings.spool))
    return found


def _spool(spool: Path) -> Finding:
    try:
        spool.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=spool) as file:
            file.write(b"x")
    except OSError as error:
        return fail("spool", f"{spool}: {error.strerror}; set PARCOURS_SPOOL to a local disk")
    return ok("spool", f"{spool} can be written")
