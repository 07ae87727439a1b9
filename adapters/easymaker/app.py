"""Putting the adapter together: database, engine, loop, supervision, HTTP."""

import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import anyio.to_thread
import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from adapters.easymaker import catalogue
from adapters.easymaker.access import Principal, Role
from adapters.easymaker.api import docs, errors, lookups, openapi, routes, system
from adapters.easymaker.api.authentication import TokenFile
from adapters.easymaker.api.middleware import FrontDoor
from adapters.easymaker.api.rules import RolePolicy
from adapters.easymaker.api.service import Resources
from adapters.easymaker.engines.base import Engine, Part
from adapters.easymaker.engines.local.engine import LocalEngine, build_local, local_home
from adapters.easymaker.engines.local.secret_files import SecretFiles
from adapters.easymaker.errors import EasyMakerError, TemporaryEngineError
from adapters.easymaker.kinds.kind import Site
from adapters.easymaker.reconcile.loop import Pace, Reconciler
from adapters.easymaker.settings import Settings
from adapters.easymaker.store import resources
from adapters.easymaker.store.database import Database
from adapters.easymaker.store.embedded import EmbeddedPostgres

log = structlog.get_logger("easymaker")

SUPERVISE_SECONDS = 1.0
START_AGAIN_SECONDS = 3.0
TITLE = "EasyMaker on Kubeflow"
DESCRIPTION = """The EasyMaker resource model over Kubeflow.

Every answer has a `header`; `header.isSuccessful` tells the outcome. Send the token as `X-EasyMaker-Token`.
A create request with an `Idempotency-Key` header can be repeated safely."""


@dataclass
class Running:
    """Everything that has to be ended again."""

    settings: Settings
    engine: Engine
    database: Database
    postgres: EmbeddedPostgres | None
    reconciler: Reconciler
    stop: threading.Event


def _supervise(running: Running) -> None:
    """Start the platform, then keep its programs and the embedded database alive until told to stop."""
    platform = running.engine.platform
    started = False
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
        except EasyMakerError as error:
            log.warning("supervision", reason=str(error))
            pause = START_AGAIN_SECONDS
        except Exception:
            log.exception("supervision failed")
            pause = START_AGAIN_SECONDS
        running.stop.wait(pause)


def _log_part(part: Part) -> None:
    log.info("part", part=part.name, state=part.state, address=part.address)


def _open_database(settings: Settings) -> tuple[Database, EmbeddedPostgres | None]:
    if settings.database_url is not None:
        database = Database(settings.database_url)
        database.migrate()
        return database, None
    postgres = EmbeddedPostgres(settings.home_dir / "postgres")
    database = Database(postgres.start())
    database.migrate()
    return database, postgres


def _site(settings: Settings, engine: LocalEngine) -> Site:
    api_url = f"http://{settings.host}:{settings.port}"

    def tensorboard_uri(experiment_id: str) -> str:
        return f"{api_url}/tensorboard/{experiment_id}?ticket={system.ticket(engine.ticket_key, experiment_id)}"

    return Site(settings.region, api_url, f"127.0.0.1:{settings.gateway_port}", tensorboard_uri)


def create_app(settings: Settings) -> ASGIApp:
    """The ASGI application. Starts nothing before its lifespan does.

    Raises:
        CatalogueError: the catalogue file cannot be used.
    """
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
    local = build_local(settings, entries)
    engine = local.engine
    database, postgres = _open_database(settings)
    pace = Pace(settings.workers, settings.lease_seconds, settings.resync_seconds)
    reconciler = Reconciler(database, engine, pace)
    running = Running(settings, engine, database, postgres, reconciler, threading.Event())

    def storage_token(appkey: str, principal: Principal, seconds: float) -> str | None:
        try:
            return local.storage_token(appkey, principal.name, seconds, principal.role(appkey) is Role.OWNER)
        except TemporaryEngineError:
            return None

    state: Any = app.state
    state.authenticator = TokenFile(settings.secrets_dir / "tokens.json")
    state.policy = RolePolicy()
    state.catalogue = entries
    state.database = database
    state.engine = engine
    state.open_tensorboard = local.boards.open
    state.resources = Resources(database, engine, entries, _site(settings, local), _open_secrets(settings, database))
    state.storage_token = storage_token
    state.ticket_key = local.ticket_key
    threading.Thread(target=_supervise, args=(running,), name="supervise", daemon=True).start()
    reconciler.start()
    return running


def _open_secrets(settings: Settings, database: Database) -> SecretFiles:
    secrets = SecretFiles(local_home(settings))
    with database.transaction() as connection:
        forgotten = secrets.delete_orphans(lambda ids: resources.existing(connection, ids))
    if forgotten:
        log.info("secrets of requests that were never committed deleted", count=forgotten)
    return secrets


def _end(running: Running) -> None:
    """End this adapter alone: jobs, servers and the database go on, and another adapter finds them again."""
    running.stop.set()
    running.reconciler.stop()
    running.database.close()
