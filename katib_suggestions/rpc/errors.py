"""What goes wrong outside an algorithm. Nothing here knows of gRPC: refusals.py says which status each becomes."""

from katib_suggestions.usage import UsageError


class BadAddress(UsageError):
    """Not an address that anything could listen on."""


class CannotListen(UsageError):
    """Where the server should listen, it cannot."""


class NotAMessage(ValueError):
    """Bytes that are not what the method takes."""


class TooLate(Exception):
    """The caller's deadline has passed, or will before anything useful can be done."""


class Busy(Exception):
    """More calls wait than make sense."""


class LogsUnavailable(Exception):
    """The DB manager does not answer."""


class NotInCluster(Exception):
    """There is no service account here, and so no Kubernetes API to tell."""


class TrialNotFound(Exception):
    """There is no such trial in the namespace."""


class StatusRefused(Exception):
    """The Kubernetes API does not let this service write the status."""


class StatusUnavailable(Exception):
    """The Kubernetes API does not answer now, or somebody else kept writing."""
