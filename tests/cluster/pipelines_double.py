"""Plays the API server of Kubeflow Pipelines, which cannot run here: REST over HTTP, errors as its gateway tells them.

Any kind of request can be made to fail, each once in each way.
"""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.cluster.pipelines_backend import CODES, Backend, Json, Refused
from tests.cluster.pipelines_lists import BadList

ROOT = "/apis/v2beta1"


class Trouble(StrEnum):
    """CUT: the connection ends before anything is done; CUT_AFTER: when it is done; LOST: as that, but with a 503."""

    CONFLICT = "CONFLICT"
    TOO_MANY = "TOO_MANY"
    INTERNAL = "INTERNAL"
    UNAVAILABLE = "UNAVAILABLE"
    CUT = "CUT"
    CUT_AFTER = "CUT_AFTER"
    LOST = "LOST"


STATUS = {Trouble.CONFLICT: 409, Trouble.TOO_MANY: 429, Trouble.INTERNAL: 500, Trouble.UNAVAILABLE: 503}
GRPC = {409: 10, 429: 8, 500: 13, 503: 14}
Handle = Callable[[Backend, tuple[str, ...], "Asked"], Json]


@dataclass(frozen=True)
class Asked:
    query: dict[str, str]
    body: Json
    document: str = ""


@dataclass(frozen=True)
class Operation:
    """One of the API's, by its name there."""

    name: str
    method: str
    path: re.Pattern[str]
    handle: Handle


def _operation(name: str, method: str, path: str, handle: Handle) -> Operation:
    return Operation(name, method, re.compile(re.sub(r"\{\}", r"([^/:]+)", ROOT + path)), handle)


OPERATIONS = (
    _operation("Healthz", "GET", "/healthz", lambda b, p, a: {"multi_user": True}),
    _operation("CreateExperiment", "POST", "/experiments", lambda b, p, a: b.create_experiment(a.body)),
    _operation("ListExperiments", "GET", "/experiments", lambda b, p, a: b.list_experiments(a.query)),
    _operation("DeleteExperiment", "DELETE", "/experiments/{}", lambda b, p, a: b.delete_experiment(p[0])),
    _operation("UploadPipeline", "POST", "/pipelines/upload", lambda b, p, a: b.upload(a.query, a.document)),
    _operation(
        "UploadPipelineVersion",
        "POST",
        "/pipelines/upload_version",
        lambda b, p, a: b.upload_version(a.query, a.document),
    ),
    _operation("GetPipelineByName", "GET", "/pipelines/names/{}", lambda b, p, a: b.pipeline_named(p[0], a.query)),
    _operation("ListPipelineVersions", "GET", "/pipelines/{}/versions", lambda b, p, a: b.list_versions(p[0], a.query)),
    _operation("DeletePipeline", "DELETE", "/pipelines/{}", lambda b, p, a: b.delete_pipeline(p[0], a.query)),
    _operation("CreateRun", "POST", "/runs", lambda b, p, a: b.create_run(a.body)),
    _operation("ListRuns", "GET", "/runs", lambda b, p, a: b.list_runs(a.query)),
    _operation("GetRun", "GET", "/runs/{}", lambda b, p, a: b.get_run(p[0])),
    _operation("TerminateRun", "POST", "/runs/{}:terminate", lambda b, p, a: b.terminate_run(p[0])),
    _operation("DeleteRun", "DELETE", "/runs/{}", lambda b, p, a: b.delete_run(p[0])),
    _operation("CreateRecurringRun", "POST", "/recurringruns", lambda b, p, a: b.create_recurring(a.body)),
    _operation("ListRecurringRuns", "GET", "/recurringruns", lambda b, p, a: b.list_recurring(a.query)),
    _operation("EnableRecurringRun", "POST", "/recurringruns/{}:enable", lambda b, p, a: b.switch(p[0], "enable")),
    _operation("DisableRecurringRun", "POST", "/recurringruns/{}:disable", lambda b, p, a: b.switch(p[0], "disable")),
    _operation("DeleteRecurringRun", "DELETE", "/recurringruns/{}", lambda b, p, a: b.delete_recurring(p[0], a.query)),
)


@dataclass
class PipelinesDouble:
    """``planned`` are troubles still to come, by operation; ``happened`` those that came; ``asked`` all operations."""

    backend: Backend = field(default_factory=Backend)
    token: str | None = None
    planned: dict[str, list[Trouble]] = field(default_factory=dict)
    happened: list[tuple[str, Trouble]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    # What this double itself, or a model of Kubeflow Pipelines, has against a request: a fault of who sent it.
    broken: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert not self.broken, self.broken

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def plan(self, *operations: str, trouble: Trouble) -> None:
        for operation in operations:
            self.planned.setdefault(operation, []).append(trouble)

    def unused(self) -> dict[str, list[Trouble]]:
        return {operation: left for operation, left in self.planned.items() if left}

    def answer(self, method: str, path: str, asked: Asked, token: str) -> tuple[int, Json] | None:
        """Status and content; None: the connection is cut."""
        found = ((each, each.path.fullmatch(path)) for each in OPERATIONS if each.method == method)
        operation, match = next(((each, match) for each, match in found if match), (None, None))
        if operation is None or match is None:
            # Not what it says of a run that is not there: something else answers.
            return 404, {"message": "Not Found"}
        if self.token is not None and token != f"Bearer {self.token}":
            return 401, _error(16, "Unauthenticated: request header error")
        with self.backend.lock:
            self.asked.append(operation.name)
            trouble = self.planned[operation.name].pop(0) if self.planned.get(operation.name) else None
            if trouble is not None:
                self.happened.append((operation.name, trouble))
            if trouble is not None and trouble in STATUS:
                return STATUS[trouble], _error(GRPC[STATUS[trouble]], f"made to fail: {trouble}")
            if trouble is Trouble.CUT:
                return None
            done = self._done(operation, tuple(map(unquote, match.groups())), asked)
        if trouble is Trouble.LOST:
            return 503, _error(14, "made to fail when it was done")
        return None if trouble is Trouble.CUT_AFTER else done

    def _done(self, operation: Operation, values: tuple[str, ...], asked: Asked) -> tuple[int, Json]:
        try:
            return 200, operation.handle(self.backend, values, asked)
        except (Refused, BadList) as error:
            code = error.code if isinstance(error, Refused) else 3
            if operation.name.startswith("Upload"):
                return CODES[code], {"error_message": str(error), "error_details": str(error)}
            return CODES[code], _error(code, str(error))
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            self.broken.append(f"{operation.name}: {error!r}")
            return 400, _error(3, f"malformed: {error}")


def _error(code: int, message: str) -> Json:
    return {"error": message, "code": code, "message": message, "details": []}


def _handler(double: PipelinesDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer in one piece: two would wait for each other's acknowledgement.
        wbufsize = -1

        def handle_any(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            asked = _asked(dict(parse_qsl(parts.query)), self.headers.get("Content-Type") or "", content)
            answer = double.answer(self.command, parts.path, asked, self.headers.get("Authorization") or "")
            if answer is None:
                self.close_connection = True
                return
            written = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def do_GET(self) -> None:
            self.handle_any()

        def do_POST(self) -> None:
            self.handle_any()

        def do_DELETE(self) -> None:
            self.handle_any()

        def log_message(self, format: str, *args: Any) -> None:
            """Not into the test's output."""

    return Handler


def _asked(query: dict[str, str], content_type: str, content: bytes) -> Asked:
    if not content_type.startswith("multipart/form-data"):
        return Asked(query, json.loads(content) if content else {})
    message = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content)
    (part,) = message.get_payload()
    assert isinstance(part, type(message))
    assert part.get_param("name", header="content-disposition") == "uploadfile"
    assert str(part.get_filename()).endswith(".yaml")
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return Asked(query, {}, payload.decode())
