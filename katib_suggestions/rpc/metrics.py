"""What Prometheus is told: requests by outcome, how long they took, how many trials they carried."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, start_http_server

from katib_suggestions.rpc.calls import Call
from katib_suggestions.rpc.errors import CannotListen

_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TRIALS = (0, 10, 30, 100, 300, 1000, 3000, 10000)


@dataclass
class Metrics:
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "katib_suggestions_requests", "Calls by outcome.", ["method", "algorithm", "code"], registry=self.registry
        )
        self._seconds = Histogram(
            "katib_suggestions_request_seconds",
            "How long calls took.",
            ["method", "algorithm"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._trials = Histogram(
            "katib_suggestions_request_trials",
            "Trials that a call carried.",
            ["method", "algorithm"],
            buckets=_TRIALS,
            registry=self.registry,
        )
        self._points = Counter(
            "katib_suggestions_points", "Points that were given.", ["algorithm"], registry=self.registry
        )

    def record(self, call: Call, code: str, seconds: float) -> None:
        self._requests.labels(call.method, call.algorithm, code).inc()
        self._seconds.labels(call.method, call.algorithm).observe(seconds)
        if "trials" in call.notes:
            self._trials.labels(call.method, call.algorithm).observe(call.notes["trials"])
        if "points" in call.notes and code == "OK":
            self._points.labels(call.algorithm).inc(call.notes["points"])

    def serve(self, host: str, port: int) -> int:
        """Listens on a port of its own, for ever, and returns it."""
        try:
            server, _ = start_http_server(port, host.strip("[]"), registry=self.registry)
        except OSError as error:
            raise CannotListen(f"cannot listen on {host}:{port} for metrics: {error.strerror}") from error
        return server.server_port
