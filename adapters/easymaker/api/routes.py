"""The route table: for every kind the same verbs, derived from what it declares. Nothing here knows a kind by name."""

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from adapters.easymaker.access import Verb
from adapters.easymaker.api import bodies, openapi, paging
from adapters.easymaker.api.envelope import success
from adapters.easymaker.api.rules import GuardedRoute, access
from adapters.easymaker.api.service import Caller, LogReader, Resources
from adapters.easymaker.errors import InvalidRequest, NotFound
from adapters.easymaker.kinds import KINDS
from adapters.easymaker.kinds.kind import Action, Download, Kind, Report

PREFIX = "/v1.0/appkeys/{appkey}"
LOG_CHUNK = 256 * 1024
FOLLOW_SECONDS = 0.5


def _caller(request: Request, appkey: str) -> Caller:
    key = request.headers.get("idempotency-key")
    if key is not None and not re.fullmatch(openapi.KEY_PATTERN, key):
        raise InvalidRequest("Idempotency-Key: must be 1 to 255 printable ASCII characters")
    return Caller(appkey, request.state.principal, request.app.state.policy, key)


def _resources(request: Request) -> Resources:
    return request.app.state.resources


def _given(request: Request) -> dict[str, Any]:
    return bodies.read(request.state.body)


def build() -> APIRouter:
    """One router with the routes of all kinds."""
    router = APIRouter(prefix=PREFIX, route_class=GuardedRoute)
    for kind in KINDS:
        _collection(router, kind)
        _item(router, kind)
        for action in kind.actions:
            _action(router, kind, action)
        for report in kind.reports:
            _report(router, kind, report)
        for download in kind.downloads:
            _download(router, kind, download)
        if kind.is_parent:
            _made_in(router, kind)
        if kind.copyable:
            _copy(router, kind)
        if kind.has_logs:
            _logs(router, kind)
    return router


def _collection(router: APIRouter, kind: Kind) -> None:
    @access(kind.plural, Verb.CREATE)
    def create(request: Request, appkey: str) -> Response:
        return success(_resources(request).create(kind, _caller(request, appkey), _given(request)))

    @access(kind.plural, Verb.LIST)
    def listing(request: Request, appkey: str) -> Response:
        return success(_resources(request).list_page(kind, appkey, request.query_params))

    path = f"/{kind.plural}"
    router.add_api_route(path + kind.create_path, create, methods=["POST"], **openapi.create(kind))
    router.add_api_route(path, listing, methods=["GET"], **openapi.listing(kind, paging.parameters(kind)))


def _item(router: APIRouter, kind: Kind) -> None:
    @access(kind.plural, Verb.GET)
    def get(request: Request, appkey: str, resource_id: str) -> Response:
        return success({kind.key: _resources(request).get(kind, appkey, resource_id)})

    @access(kind.plural, Verb.UPDATE)
    def update(request: Request, appkey: str, resource_id: str) -> Response:
        changed = _resources(request).update(kind, _caller(request, appkey), resource_id, _given(request))
        return success({kind.key: changed})

    @access(kind.plural, Verb.DELETE)
    def delete(request: Request, appkey: str, resource_id: str) -> Response:
        _resources(request).delete(kind, _caller(request, appkey), resource_id)
        return success()

    @access(kind.plural, Verb.GET)
    def events(request: Request, appkey: str, resource_id: str) -> Response:
        return success({"eventList": _resources(request).events(kind, appkey, resource_id)})

    path = f"/{kind.plural}/{{resource_id}}"
    router.add_api_route(path, get, methods=["GET"], **openapi.get(kind))
    router.add_api_route(path, update, methods=["PUT"], **openapi.update(kind))
    router.add_api_route(path, delete, methods=["DELETE"], **openapi.delete(kind))
    router.add_api_route(f"{path}/events", events, methods=["GET"], **openapi.events(kind))


def _action(router: APIRouter, kind: Kind, action: Action) -> None:
    @access(kind.plural, Verb.UPDATE)
    def act(request: Request, appkey: str, resource_id: str) -> Response:
        given = _given(request) if action.body else {}
        changed = _resources(request).act(kind, _caller(request, appkey), resource_id, (action, given))
        return success({kind.key: changed})

    path = f"/{kind.plural}/{{resource_id}}/{action.path}"
    router.add_api_route(path, act, methods=["PUT"], **openapi.action(kind, action))


def _report(router: APIRouter, kind: Kind, report: Report) -> None:
    @access(kind.plural, Verb.GET)
    def read(request: Request, appkey: str, resource_id: str) -> Response:
        query = paging.texts(request.query_params, report.query)
        return success({report.key: _resources(request).report(kind, appkey, resource_id, report, query)})

    path = f"/{kind.plural}/{{resource_id}}/{report.path}"
    router.add_api_route(path, read, methods=["GET"], **openapi.report(kind, report, paging.own(report.query)))


def _download(router: APIRouter, kind: Kind, download: Download) -> None:
    @access(kind.plural, Verb.GET)
    def read(request: Request, appkey: str, resource_id: str) -> Response:
        query = paging.texts(request.query_params, download.query)
        content = _resources(request).download(kind, appkey, resource_id, download, query)
        # A page that a step has made must not run in the console's name: it is always a file to save.
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(content.name, safe='')}"}
        return StreamingResponse(content.pieces, media_type=content.media_type, headers=headers)

    path = f"/{kind.plural}/{{resource_id}}/{download.path}"
    router.add_api_route(path, read, methods=["GET"], **openapi.download(kind, download, paging.own(download.query)))


def _made_in(router: APIRouter, kind: Kind) -> None:
    @access(kind.plural, Verb.GET)
    def read(request: Request, appkey: str, resource_id: str) -> Response:
        return success({"resourceList": _resources(request).made_in(kind, appkey, resource_id)})

    path = f"/{kind.plural}/{{resource_id}}/resources"
    router.add_api_route(path, read, methods=["GET"], **openapi.made_in(kind))


def _copy(router: APIRouter, kind: Kind) -> None:
    @access(kind.plural, Verb.GET)
    def settings(request: Request, appkey: str, resource_id: str) -> Response:
        return success({kind.key: _resources(request).settings_to_copy(kind, appkey, resource_id)})

    @access(kind.plural, Verb.GET, Verb.CREATE)
    def copy(request: Request, appkey: str, resource_id: str) -> Response:
        made = _resources(request).copy(kind, _caller(request, appkey), resource_id, _given(request))
        return success({kind.key: made})

    path = f"/{kind.plural}/{{resource_id}}/copy"
    router.add_api_route(path, settings, methods=["GET"], **openapi.copy_settings(kind))
    router.add_api_route(path, copy, methods=["POST"], **openapi.copy(kind))


def _logs(router: APIRouter, kind: Kind) -> None:
    @access(kind.plural, Verb.GET)
    async def logs(request: Request, appkey: str, resource_id: str) -> Response:
        offset = _offset(request)
        part = _part(request, kind)
        named = (kind, appkey, resource_id, part)
        reader = await anyio.to_thread.run_sync(_resources(request).log_reader, *named)
        if request.query_params.get("follow", "").lower() in ("true", "1"):
            if part is not None:
                # Once an answer has begun it can no longer say that there is no such part.
                await anyio.to_thread.run_sync(reader.read, offset, 1)
            return StreamingResponse(_follow(reader, request, named), media_type="text/plain")
        content, growing = await anyio.to_thread.run_sync(reader.read, offset, LOG_CHUNK)
        text = content.decode("utf-8", "replace")
        return success({"log": {"content": text, "nextOffset": offset + len(content), "isComplete": not growing}})

    own = paging.own([kind.log_part] if kind.log_part else [])
    router.add_api_route(f"/{kind.plural}/{{resource_id}}/logs", logs, methods=["GET"], **openapi.logs(kind, own))


def _offset(request: Request) -> int:
    text = request.query_params.get("offset", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise InvalidRequest("offset: must be a whole number of bytes, 0 or more")
    return int(text)


def _part(request: Request, kind: Kind) -> str | None:
    if kind.log_part is None:
        return None
    return paging.texts(request.query_params, [kind.log_part]).get(kind.log_part.name)


async def _follow(
    reader: LogReader, request: Request, named: tuple[Kind, str, str, str | None]
) -> AsyncIterator[bytes]:
    """The log as it grows, until the resource has ended or is deleted, or the caller hangs up."""
    offset = _offset(request)
    while not await request.is_disconnected():
        content, growing = await anyio.to_thread.run_sync(reader.read, offset, LOG_CHUNK)
        if content:
            offset += len(content)
            yield content
        elif growing:
            await anyio.sleep(FOLLOW_SECONDS)
            try:
                reader = await anyio.to_thread.run_sync(_resources(request).log_reader, *named)
            except NotFound:
                return
        else:
            return
