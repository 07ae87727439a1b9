"""Putting the adapter together: database, engine, loop, supervision, HTTP."""

import threading
import time
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from adapters.easymaker import catalogue
from adapters.easymaker.api import docs, errors, lookups, openapi, routes, system
from adapters.easymaker.api.middleware import FrontDoor
from adapters.easymaker.api.service import Resources
from adapters.easymaker.engines.base import Engine, Part, SupportsChanges, SupportsLateChanges
from adapters.easymaker.engines.secret_store import SecretStore
from adapters.easymaker.errors import EasyMakerError, EngineError
from adapters.easymaker.installations import install, require_usable
from adapters.easymaker.reconcile.changes import Changes
from adapters.easymaker.reconcile.loop import Pace, Reconciler
from adapters.easymaker.settings import Settings
from adapters.easymaker.store import resources
from adapters.easymaker.store.database import Database

if TYPE_CHECKING:
    # The package that it needs is of the extra `local`: the image for a cluster does without.
    from adapters.easymaker.store.embedded import EmbeddedPostgres

log = structlog.get_logger("easymaker")

SUPERVISE_SECONDS = 1.0
START_AGAIN_SECONDS = 3.0
# Requests that died between a secret and their commit are rare; what they left can wait.
ORPHANS_SECONDS = 3600.0
TITLE = "EasyMaker on Kubeflow"
DESCRIPTION = """The EasyMaker resource model over Kubeflow.

Every answer has a `header`; `header.isSuccessful` tells the outcome. Send the token as `X-EasyMaker-Token`.
A create request with an `Idempotency-Key` header can be repeated safely."""


@dataclass
class Running:
    """Everything that has to be ended again."""

    settings: Settings
    engine: Engine
    secrets: SecretStore
    database: Database
    postgres: "EmbeddedPostgres | None"
    reconciler: Reconciler
    changes: Changes
    stop: threading.Event


def _supervise(running: Running) -> None:
    """Start the platform, then keep its programs and the embedded database alive until told to stop."""
    platform = running.engine.platform
    started = False
    search_at = time.monotonic() + ORPHANS_SECONDS
    while not running.stop.is_set():
        pause = SUPERVISE_SECONDS
        try:
            if running.postgres is not None:
                running.postgres.start()
            if not started:
                platform.start(_log_part)
                started = True
            for name in platform.supervise():
                log.warning("part started again", part=name)
            if time.monotonic() >= search_at:
                search_at = time.monotonic() + ORPHANS_SECONDS
                _forget_orphaned_secrets(running.database, running.secrets)
        except EasyMakerError as error:
            log.warning("supervision", reason=str(error))
            pause = START_AGAIN_SECONDS
        except Exception:
            log.exception("supervision failed")
            pause = START_AGAIN_SECONDS
        running.stop.wait(pause)


def _log_part(part: Part) -> None:
    log.info("part", part=part.name, state=part.state, address=part.address)


def _open_database(settings: Settings) -> "tuple[Database, EmbeddedPostgres | None]":
    if settings.database_url is not None:
        database = Database(settings.database_url)
        database.migrate()
        return database, None
    from adapters.easymaker.store.embedded import EmbeddedPostgres

    postgres = EmbeddedPostgres(settings.home_dir / "postgres")
    database = Database(postgres.start())
    database.migrate()
    return database, postgres


def create_app(settings: Settings) -> ASGIApp:
    """The ASGI application. Starts nothing before its lifespan does.

    Raises:
        EasyMakerError: the catalogue file or a setting cannot be used.
    """
    require_usable(settings)
    entries = catalogue.load(settings.catalogue)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        began = time.monotonic()
        running = await anyio.to_thread.run_sync(_start, app, settings, entries)
        log.info("ready", port=settings.port, seconds=round(time.monotonic() - began, 2))
        yield
        await anyio.to_thread.run_sync(_end, running)

    version = metadata.version("kubeflow-easymaker")
    app = FastAPI(
        title=TITLE,
        version=version,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    errors.install(app)
    openapi.install(app)
    app.include_router(routes.build())
    app.include_router(lookups.router)
    app.include_router(system.router)
    app.include_router(docs.router)
    return FrontDoor(app, settings.allowed_hosts, settings.max_body_bytes)


def _start(app: FastAPI, settings: Settings, entries: catalogue.Catalogue) -> Running:
    installed = install(settings, entries)
    engine = installed.engine
    database, postgres = _open_database(settings)
    pace = Pace(settings.workers, settings.lease_seconds, settings.resync_seconds)
    reconciler, changes = Reconciler(database, engine, pace), Changes(database)
    running = Running(settings, engine, installed.secrets, database, postgres, reconciler, changes, threading.Event())
    if isinstance(engine.platform, SupportsChanges):
        engine.platform.on_change = changes.note
    if isinstance(engine.platform, SupportsLateChanges):
        engine.platform.on_late_change = changes.note_resting

    state: Any = app.state
    state.authenticator = installed.authenticator
    state.policy = installed.policy
    state.catalogue = entries
    state.database = database
    state.engine = engine
    state.open_tensorboard = installed.open_tensorboard
    state.resources = Resources(database, engine, entries, installed.site, installed.secrets)
    state.storage_token = installed.storage_token
    state.ticket_key = installed.ticket_key
    _forget_orphaned_secrets(database, installed.secrets)
    threading.Thread(target=_supervise, args=(running,), name="supervise", daemon=True).start()
    changes.start()
    reconciler.start()
    return running


def _forget_orphaned_secrets(database: Database, secrets: SecretStore) -> None:
    def known(ids: Collection[str]) -> Collection[str]:
        with database.transaction() as connection:
            return resources.existing(connection, ids)

    with database.transaction() as connection:
        appkeys = resources.appkeys(connection)
    try:
        forgotten = secrets.delete_orphans(known, appkeys)
    except EngineError as error:
        log.warning("secrets without a resource were not looked for", reason=str(error))
        return
    if forgotten:
        log.info("secrets of requests that were never committed deleted", count=forgotten)


def _end(running: Running) -> None:
    """End this adapter alone: jobs, servers and the database go on, and another adapter finds them again."""
    running.stop.set()
    running.changes.stop()
    running.reconciler.stop()
    running.database.close()
