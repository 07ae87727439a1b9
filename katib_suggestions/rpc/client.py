"""Callers of the services, for programs that play Katib's controller: dataclasses in, dataclasses out, typed errors.

    with SuggestionClient("unix:/run/suggestions.sock") as suggestions:
        suggestions.validate(experiment)                      # raises InvalidExperiment
        points = suggestions.suggest(experiment, trials, 3)   # three of {"lr": "0.01", …}

A caller may be used by several threads, and outlives the service: when that is there again, calls succeed again.
"""

from collections.abc import Iterable
from typing import Any, Self

import grpc

from katib_suggestions.early_stopping.rules import StoppingRule
from katib_suggestions.experiment import Experiment
from katib_suggestions.rpc import api_pb2, conversion
from katib_suggestions.rpc.channel import UNLIMITED_MESSAGES, target
from katib_suggestions.rpc.problems import split_problems
from katib_suggestions.rpc.services import EARLY_STOPPING, SUGGESTION, methods
from katib_suggestions.search_space import InvalidExperiment
from katib_suggestions.trial import Trial

# As Katib's controller.
SECONDS = 60.0
_LATER = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class ServiceError(Exception):
    """The call has no answer; the arguments are not known to be wrong."""


class ServiceUnavailable(ServiceError):
    """Not now: the same call later may succeed. Nothing is lost or doubled by asking again."""


class ServiceFault(ServiceError):
    """The service is broken or is another one; the message has the reference under which it was logged."""


class _Client:
    service: str
    port: int

    def __init__(self, address: str, seconds: float = SECONDS) -> None:
        """``address`` is host:port, a host alone or unix:/path; ``seconds`` is how long one call may take."""
        self._seconds = seconds
        self._address = address
        # A server that was started again is looked for after a second at most, not after minutes.
        options = [*UNLIMITED_MESSAGES, ("grpc.max_reconnect_backoff_ms", 1000)]
        self._channel = grpc.insecure_channel(target(address, self.port), options)
        self._callers = {name: each.caller(self._channel) for name, each in methods(self.service).items()}

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: str, request: Any, *, wait: bool = False) -> Any:
        try:
            return self._callers[method](request, timeout=self._seconds, wait_for_ready=wait)
        except grpc.RpcError as error:
            raise self._translated(method, error) from error

    def _translated(self, method: str, error: Any) -> Exception:
        code, details = error.code(), error.details() or ""
        if code is grpc.StatusCode.INVALID_ARGUMENT:
            return InvalidExperiment(split_problems(details))
        words = f"{method} at {self._address}: {code.name}: {details}"
        return ServiceUnavailable(words) if code in _LATER else ServiceFault(words)


class SuggestionClient(_Client):
    """Of a suggestion service: ours, or another that speaks Katib's interface."""

    service = SUGGESTION
    port = 6789

    def validate(self, experiment: Experiment) -> None:
        """Waits for the service to come up. Raises InvalidExperiment with every problem."""
        request = api_pb2.ValidateAlgorithmSettingsRequest(experiment=conversion.experiment_message(experiment))
        self._call("ValidateAlgorithmSettings", request, wait=True)

    def suggest(
        self, experiment: Experiment, trials: Iterable[Trial], count: int, total: int = 0
    ) -> list[dict[str, str]]:
        """As many points as ``count``, the names of parameters to their values.

        ``trials`` are all of the experiment, in every state; ``total`` is how many points were asked for till now,
        these included. The same arguments give the same answer.
        """
        request = api_pb2.GetSuggestionsRequest(
            experiment=conversion.experiment_message(experiment),
            trials=map(conversion.trial_message, trials),
            current_request_number=count,
            total_request_number=total,
        )
        points = conversion.read_suggestions(self._call("GetSuggestions", request))
        if len(points) != count:
            raise ServiceFault(f"GetSuggestions at {self._address}: {len(points)} points instead of {count}")
        return points


class EarlyStoppingClient(_Client):
    """Of an early-stopping service, which reads logged values at the address of a DB manager that it is told."""

    service = EARLY_STOPPING
    port = 6788

    def validate(self, experiment: Experiment) -> None:
        """Waits for the service to come up. Raises InvalidExperiment with every problem."""
        message = conversion.early_stopping_message(experiment)
        request = api_pb2.ValidateEarlyStoppingSettingsRequest(early_stopping=message)
        self._call("ValidateEarlyStoppingSettings", request, wait=True)

    def rules(self, experiment: Experiment, trials: Iterable[Trial], db_address: str) -> list[StoppingRule]:
        """What trials that are created now are to be told; empty while too little is known.

        ``db_address`` is where a DBManager serves the trials' values: host:port, or unix:/path.
        """
        request = api_pb2.GetEarlyStoppingRulesRequest(
            experiment=conversion.experiment_message(experiment),
            trials=map(conversion.trial_message, trials),
            db_manager_address=db_address,
        )
        reply = self._call("GetEarlyStoppingRules", request)
        return [conversion.read_rule(each) for each in reply.early_stopping_rules]

    def set_early_stopped(self, trial: str) -> None:
        """Has the service mark a trial as stopped early in the Kubernetes API; without effect when it is already."""
        self._call("SetTrialStatus", api_pb2.SetTrialStatusRequest(trial_name=trial))
