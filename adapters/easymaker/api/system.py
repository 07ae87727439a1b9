"""The platform's own routes: health, metrics, parts, object-storage tokens, TensorBoard's door."""

import hashlib
import hmac
import time
from datetime import UTC, datetime
from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from adapters.easymaker.access import Verb
from adapters.easymaker.api.envelope import success
from adapters.easymaker.api.openapi import plain, ticketed
from adapters.easymaker.api.rules import GuardedRoute, Rule, access, rule
from adapters.easymaker.errors import NotFound, Unavailable
from adapters.easymaker.store import resources
from adapters.easymaker.store.database import Database

router = APIRouter(route_class=GuardedRoute, tags=["Platform"])

TOKEN_SECONDS = 6 * 3600
# Told where the engine runs no such part itself: there state.storage_token and state.open_tensorboard are None.
NO_STORAGE = (
    "this installation issues no object-storage tokens: its storage is the platform's own; use the credentials that "
    "the platform team has given out for it"
)
NO_TENSORBOARD = (
    "this installation opens no TensorBoard itself: tensorboardAccessUri of the experiment has its address in Kubeflow"
)


@router.get("/healthz", **plain("healthz", "The process lives"))
@rule(Rule.PUBLIC)
async def healthz() -> Response:
    return success()


@router.get("/readyz", **plain("readyz", "Requests can be answered: the database is there"))
@rule(Rule.PUBLIC)
def readyz(request: Request) -> Response:
    database: Database = request.app.state.database
    database.ping()
    return success()


@router.get("/nhn-api-gateway", **plain("nhn-api-gateway", "What the SDK asks to find out whether a region exists"))
@rule(Rule.PUBLIC)
def nhn_api_gateway() -> Response:
    return success()


@router.get("/metrics", **plain("metrics", "Prometheus metrics", media=("text/plain",)))
@rule(Rule.SIGNED_IN)
def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/platform", **plain("platform", "The engine's own programs and how they are"))
@rule(Rule.SIGNED_IN)
def platform(request: Request) -> Response:
    engine = request.app.state.engine
    parts = [
        {"name": p.name, "state": p.state, "address": p.address, "detail": p.detail} for p in engine.platform.parts()
    ]
    return success({"engine": engine.name, "parts": parts})


@router.get(
    "/token/v1.0/appkeys/{appkey}/groups/{group}/iaas-token",
    **plain("iaas-token", "A token for the object storage, as the SDK asks for it", 404),
)
@access("storage", Verb.GET)
def iaas_token(request: Request, appkey: str, group: str) -> Response:
    mint = request.app.state.storage_token
    if mint is None:
        raise NotFound(NO_STORAGE)
    minted = mint(appkey, request.state.principal, TOKEN_SECONDS)
    if minted is None:
        raise Unavailable("the object storage is still starting; try again in a moment")
    expires = datetime.fromtimestamp(int(time.time()) + TOKEN_SECONDS, UTC)
    return success({"access": {"token": {"id": minted, "expires": expires.strftime("%Y-%m-%dT%H:%M:%S.%f%z")}}})


def ticket(key: bytes, experiment_id: str) -> str:
    """Lets whoever holds it open this experiment's TensorBoard, and nothing else."""
    return hmac.new(key, f"tensorboard:{experiment_id}".encode(), hashlib.sha256).hexdigest()


@router.get("/tensorboard/{experiment_id}", **ticketed("open-tensorboard", "Open an experiment's TensorBoard"))
@rule(Rule.TICKET)
def tensorboard(request: Request, experiment_id: str) -> Response:
    open_tensorboard = request.app.state.open_tensorboard
    if open_tensorboard is None:
        raise NotFound(NO_TENSORBOARD)
    given = request.query_params.get("ticket", "")
    expected = ticket(request.app.state.ticket_key, experiment_id)
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise NotFound("there is no such TensorBoard; tensorboardAccessUri of the experiment has its address")
    with request.app.state.database.transaction() as connection:
        if not resources.exists(connection, "experiment", experiment_id):
            raise NotFound(f"there is no experiment {experiment_id}")
    board = open_tensorboard(experiment_id)
    if board["status"] == "RUNNING":
        return RedirectResponse(board["uri"], status_code=302)
    page = f"<!doctype html><title>TensorBoard</title><p>TensorBoard of {escape(experiment_id)} is starting …"
    return HTMLResponse(page, headers={"Refresh": "2"})
