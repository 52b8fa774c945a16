"""The API as an application: its routes, middleware and connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from api.console import drafts, previews, sessions, trials, views
from api.console import files as console_files
from api.contacts import (
    attributes,
    changes,
    consent_counts,
    consents,
    contacts,
    erasures,
    exports,
    groups,
    import_columns,
    imports,
    merge,
    person_export,
    refused_lines,
    segments,
    timeline,
)
from api.coupons import coupons
from api.definitions import (
    brand_previews,
    descriptions,
    document_editions,
    documents,
    editions,
    files,
    form_previews,
    journeys,
    next_instants,
    plan,
    template_previews,
    templates,
    timed_entries,
    uses,
)
from api.definitions.checker import DocumentChecker
from api.events import catalog, dead, events, refusals, rejected, submissions
from api.http import openapi, problems, swagger_ui
from api.http.body_memory import BodyMemory
from api.http.connections import ON_CLOSING
from api.http.key_uses import KeyUses
from api.http.keys import KeyRing
from api.http.methods import methods_of
from api.http.middleware import RequestMiddleware
from api.messages import messages
from api.notifier import Notifier
from api.operations import (
    attention,
    audit,
    dev_inbox,
    dev_shop,
    explain,
    faults,
    freezes,
    health,
    jobs,
    keys,
    log,
    pauses,
    retention,
    suppressions,
    temporal,
    upcoming,
    workers,
)
from api.operations.log_hub import LogHub
from api.public import hosted_forms, links, notifications, pages
from api.public.form_robots import FormRates
from api.public.hit_drain import HitDrain
from api.public.hits import HitRecorder, MinuteLimit
from api.public.link_files import open_spool, read_scanners
from api.public.script import route as script
from api.public.visits import Visits
from api.reports import (
    attribution,
    dashboard,
    experiments,
    export,
    figure_stream,
    holdouts,
    recipients,
    stats,
)
from api.reports.figure_hub import FigureHub
from api.runs import bulk, bulk_repairs, removals, repairs, runs, standing
from api.services import Pool, Services
from api.tracking import browser, calls
from api.tracking.address_budgets import AddressBudgets
from api.tracking.key_budgets import KeyBudgets
from channels.email.remote_files import RemoteFiles
from channels.email.return_addresses import return_addresses
from channels.sns_signature import Fetch, SnsVerifier
from devstack import shop
from devstack.inbox import Inbox
from inbound.intake import Intake
from infra.clients import connect_temporal, open_pool
from infra.settings import Settings, read_settings
from journeys.links.visits import Sites
from store.definitions.catalog import Catalog
from store.events.combined_tracks import CombinedTracks
from store.events.fast_path import SESSION_OPTIONS

DESCRIPTION = """
Send events, change contacts, and run journeys. Every call needs a key, except health, metrics and
this page. Send it as `Authorization: Bearer KEY`, or as the user of Basic; pages of the console
have a session instead, see `POST /v1/session`. A key of scope `admin` may do all that `operate`
may, and `operate` all that `ingest`, `read` and `edit` may. Errors are problems (RFC 9457): `{type,
title, status, detail, code, message}`. Times are RFC 3339; a time without an offset is refused. A
query parameter or a field that is not known is refused. What is changed is in the audit log, with
the name of the key; a client of ours says so in the header `Parcours-Via` (`cli` or `console`).
"""

# Consents and messages come before contacts: a contact's path may hold slashes, and would match
# theirs.
ROUTERS = tuple(
    module.router
    for module in (
        calls,
        browser,
        consents,
        consent_counts,
        timeline,
        person_export,
        messages,
        erasures,
        imports,
        import_columns,
        refused_lines,
        exports,
        merge,
        removals,
        changes,
        attributes,
        standing,
        contacts,
        groups,
        segments,
        coupons,
        rejected,
        dead,
        refusals,
        catalog,
        events,
        submissions,
        documents,
        descriptions,
        uses,
        next_instants,
        files,
        template_previews,
        templates,
        form_previews,
        brand_previews,
        editions,
        document_editions,
        journeys,
        timed_entries,
        jobs,
        faults,
        temporal,
        workers,
        freezes,
        pauses,
        retention,
        audit,
        log,
        plan,
        bulk,
        bulk_repairs,
        runs,
        repairs,
        stats,
        holdouts,
        attribution,
        figure_stream,
        dashboard,
        experiments,
        recipients,
        export,
        explain,
        attention,
        upcoming,
        keys,
        suppressions,
        links,
        script,
        health,
        notifications,
        pages,
        hosted_forms,
        sessions,
        drafts,
        trials,
        views,
        previews,
        console_files,
    )
)


def _hits(
    settings: Settings, pool: Pool, notifier: Notifier
) -> tuple[HitRecorder | None, HitDrain | None]:
    """What keeps hits on links, and what drains it; None without a public URL."""
    if settings.links is None:
        return None, None
    spool = open_spool(settings.spool, settings.spool_bytes)
    keys = settings.links.keys
    drain = HitDrain(spool, pool, keys, read_scanners(settings.scanners), recorded=notifier.wake)
    return HitRecorder(spool, MinuteLimit()), drain


def _visits(settings: Settings) -> Visits | None:
    """What adds tokens for our own sites; None if there are none."""
    if settings.links is None or not settings.sites:
        return None
    return Visits(settings.links.keys, Sites(settings.sites), read_scanners(settings.scanners))


def create_app(settings: Settings | None = None, *, amazon: Fetch | None = None) -> FastAPI:
    """The application. Settings are read from the environment if `settings` is None.

    `amazon` fetches the certificates of SNS, by default from Amazon.

    Raises infra.settings.SettingsRefused if the environment does not make valid settings, and
    api.public.link_files.LinkFileRefused if a file that they name cannot be used.
    """
    settings = settings or read_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        # The connections are shared out between the two pools.
        for_tracking = settings.database_connections // 2
        pool = await open_pool(
            settings,
            min_size=2,
            max_size=settings.database_connections - for_tracking,
            plans_kept=False,
        )
        tracking_pool = await open_pool(
            settings, min_size=2, max_size=for_tracking, session_options=SESSION_OPTIONS
        )
        notifier = Notifier(settings.database_url)
        notifier.start()
        key_uses = KeyUses(pool)
        key_uses.start()
        key_budgets = KeyBudgets(pool)
        key_budgets.start()
        checker = DocumentChecker()
        # A person waits for it while they type.
        describer = DocumentChecker(seconds=10, niceness=0)
        hits, drain = _hits(settings, pool, notifier)
        if drain is not None:
            drain.start()
        log_hub = LogHub(pool)
        figures = FigureHub(pool, figure_stream.figures_in(settings.timezone))

        def close_streams() -> None:
            log_hub.close()
            figures.close()

        app.state.services = Services(
            pool=pool,
            tracks=CombinedTracks(tracking_pool),
            temporal=await connect_temporal(settings, lazy=True),
            catalog=Catalog(),
            keys=KeyRing(pool, key_uses),
            key_budgets=key_budgets,
            address_budgets=AddressBudgets(),
            notifier=notifier,
            checker=checker,
            describer=describer,
            contact_events_per_minute=settings.contact_events_per_minute,
            speed=settings.speed,
            remote_files=RemoteFiles(settings.attachments_from, allow=settings.webhook_allow),
            providers=settings.providers_set_up,
            keep=settings.keep,
            replies=settings.channels_with_replies,
            sns=SnsVerifier(settings.sns_topics, amazon),
            intake=Intake(pool, return_addresses(settings)),
            inbox=Inbox(settings.dev_inbox) if settings.dev_inbox else None,
            links=settings.links,
            approval_above=settings.approval_above,
            import_limit=settings.import_limit,
            temporal_ui=settings.temporal_ui,
            hits=hits,
            form_rates=FormRates(),
            visits=_visits(settings),
            timezone=ZoneInfo(settings.timezone),
            console_key=(
                None
                if settings.dev_console_key is None
                else settings.dev_console_key.get_secret_value()
            ),
            log=log_hub,
            figures=figures,
        )
        try:
            # Connections say when the server closes, before it waits for the answers to end.
            yield {ON_CLOSING: close_streams}
        finally:
            await log_hub.stop()
            await figures.stop()
            if drain is not None:
                await drain.stop()
            await notifier.stop()
            await key_budgets.stop()
            await key_uses.stop()
            await app.state.services.player.close()
            await describer.close()
            await checker.close()
            await tracking_pool.close()
            await pool.close()

    app = FastAPI(
        title="Parcours",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        # The framework would make the description while every other call waits; see `openapi`.
        openapi_url=None,
        # The framework's own pages load their scripts from another origin; see `swagger_ui`.
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app, methods_of(ROUTERS))
    swagger_ui.install(app)
    for router in ROUTERS:
        # Their routes say all of themselves. `include_router` would analyse each one again for this
        # application, at its first requests, and look through the routers at every request.
        app.router.routes.extend(router.routes)
    if settings.dev_inbox is not None:
        app.include_router(dev_inbox.router)
    if settings.dev_shop_key is not None:
        app.include_router(
            dev_shop.shop_router(
                shop.read_file,
                path=shop.PATH,
                form=shop.FORM,
                key=settings.dev_shop_key.get_secret_value(),
                temporal_ui=settings.dev_temporal_ui,
                speed=settings.speed,
            )
        )
    memory = app.state.body_memory = BodyMemory(settings.http_body_memory)
    app.add_middleware(browser.TrackingCors)
    app.add_middleware(
        RequestMiddleware, body_memory=memory, body_seconds=settings.http_body_seconds
    )
    openapi.complete(app)
    return app
