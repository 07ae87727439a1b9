"""Plays the experiments of Kubeflow Pipelines' REST API (v2beta1), which cannot run here, with its rules on names."""

import json
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

ROOT = "/apis/v2beta1/experiments"


@dataclass
class PipelinesServer:
    """``failures`` are answered before anything else, one each: (status, whether the request is carried out first)."""

    token: str | None = None
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    failures: list[tuple[int, bool]] = field(default_factory=list[tuple[int, bool]])
    requests: list[str] = field(default_factory=list[str])

    def __enter__(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.answer(self)

            def do_POST(self) -> None:
                owner.answer(self)

            def do_DELETE(self) -> None:
                owner.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Not into the test's output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.requests.append(request.command)
        status, content = 0, {}
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            status, content = 401, {"code": 16, "message": "Unauthenticated"}
        elif self.failures:
            status, carried_out = self.failures.pop(0)
            content = {"message": "made to fail"}
            if carried_out:
                self._carry_out(request.command, request.path, body)
        if not status:
            status, content = self._carry_out(request.command, request.path, body)
        written = json.dumps(content).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(written)))
        request.end_headers()
        request.wfile.write(written)

    def _carry_out(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(path)
        if method == "GET":
            return self._found(parse_qs(parts.query))
        if method == "POST":
            return self._made(json.loads(body))
        if self.experiments.pop(parts.path.removeprefix(f"{ROOT}/"), None) is None:
            return 404, {"code": 5, "message": "not found"}
        return 200, {}

    def _found(self, query: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        predicate = json.loads(query["filter"][0])["predicates"][0]
        assert (predicate["operation"], predicate["key"]) == ("IS_SUBSTRING", "display_name")
        found = [
            each
            for each in self.experiments.values()
            if each["namespace"] == query["namespace"][0] and predicate["stringValue"] in each["display_name"]
        ]
        # As the real one does: what is empty is not there.
        return 200, {"experiments": found[: int(query["page_size"][0])], "total_size": len(found)} if found else {}

    def _made(self, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if not wanted.get("namespace"):
            return 400, {"code": 3, "message": "An experiment cannot have an empty namespace in multi-user mode"}
        key = (wanted["namespace"], wanted["display_name"])
        if key in {(each["namespace"], each["display_name"]) for each in self.experiments.values()}:
            return 409, {"code": 6, "message": "already exists"}
        made = wanted | {"experiment_id": str(uuid.uuid4()), "storage_state": "AVAILABLE"}
        self.experiments[made["experiment_id"]] = made
        return 200, made
