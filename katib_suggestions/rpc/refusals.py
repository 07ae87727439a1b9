"""Which gRPC status an exception becomes. Never UNKNOWN, which Katib takes for an experiment that is not valid."""

import uuid

import grpc

from katib_suggestions.rpc import errors
from katib_suggestions.rpc.problems import joined_problems, shortened
from katib_suggestions.search_space import InvalidExperiment

_CODES: dict[type[Exception], grpc.StatusCode] = {
    errors.BadAddress: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotAMessage: grpc.StatusCode.INVALID_ARGUMENT,
    errors.TooLate: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.Busy: grpc.StatusCode.UNAVAILABLE,
    errors.LogsUnavailable: grpc.StatusCode.UNAVAILABLE,
    errors.NotInCluster: grpc.StatusCode.FAILED_PRECONDITION,
    errors.TrialNotFound: grpc.StatusCode.NOT_FOUND,
    errors.StatusRefused: grpc.StatusCode.PERMISSION_DENIED,
    errors.StatusUnavailable: grpc.StatusCode.UNAVAILABLE,
}


def refusal(error: Exception) -> tuple[grpc.StatusCode, str, str]:
    """Status, details for the caller, and for a bug of ours the reference under which it has to be logged."""
    if isinstance(error, InvalidExperiment):
        return grpc.StatusCode.INVALID_ARGUMENT, joined_problems(error.problems), ""
    code = _CODES.get(type(error))
    if code is not None:
        return code, shortened(str(error)), ""
    reference = uuid.uuid4().hex[:12]
    return grpc.StatusCode.INTERNAL, f"internal error; the service's log has it as {reference}", reference
