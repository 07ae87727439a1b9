"""Logs of one container, from a byte on. They go with their pods."""

from adapters.easymaker.engines.cluster.api_server import ApiServer, object_key
from adapters.easymaker.engines.cluster.mapping.training_jobs import NODE
from adapters.easymaker.kinds.record import Json

# A log is read from its beginning each time: the API server knows no offset.
LONGEST_LOG = 64 * 1024**2


def read_pod_log(
    server: ApiServer, pod: Json | None, place: tuple[int, int], growing: bool, container: str = NODE
) -> tuple[bytes, bool]:
    """The bytes at ``place`` (offset, limit), and whether there are more or may be."""
    offset, limit = place
    end = min(offset + limit, LONGEST_LOG)
    if pod is None or offset >= end:
        return b"", growing and offset < LONGEST_LOG
    # One byte more tells whether there is more.
    content = server.log(*object_key(pod), container, end + 1) or b""
    more = len(content) > end and end < LONGEST_LOG
    return content[offset:end], more or (growing and end < LONGEST_LOG)
