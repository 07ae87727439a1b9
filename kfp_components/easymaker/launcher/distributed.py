"""The variables by which the processes of a training on several nodes find each other.

Plain training gets TF_CONFIG and PyTorch's MASTER_ADDR and friends (one process per node). torchrun sets its own.
Worker 0 is the chief: TensorFlow's multi-worker strategies take it so when a cluster lists workers only.
"""

import json
from typing import Protocol


class Nodes(Protocol):
    """The part of a spec that says who takes part."""

    @property
    def instance_count(self) -> int: ...
    @property
    def node_rank(self) -> int: ...
    @property
    def node_addresses(self) -> tuple[str, ...]: ...


def split_address(address: str) -> tuple[str, int]:
    """``host:port`` or ``[ipv6]:port``; raises ValueError with a sentence."""
    host, colon, port = address.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not bare or (":" in bare and bare == host) or any(char.isspace() for char in bare):
        raise ValueError(f"{address!r} is not host:port")
    if not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        raise ValueError(f"{address!r} has no port from 1 to 65535")
    return bare, int(port)


def tf_config(nodes: Nodes) -> str:
    """The value of TF_CONFIG on this node."""
    return json.dumps(
        {
            "cluster": {"worker": list(nodes.node_addresses)},
            "task": {"type": "worker", "index": nodes.node_rank},
        }
    )


def cluster_variables(nodes: Nodes, *, use_torchrun: bool) -> dict[str, str]:
    """Empty for one node: scripts take the mere presence of these variables as a sign of several nodes."""
    if nodes.instance_count == 1:
        return {}
    variables = {"TF_CONFIG": tf_config(nodes)}
    if not use_torchrun:
        host, port = split_address(nodes.node_addresses[0])
        variables |= {
            "MASTER_ADDR": host,
            "MASTER_PORT": str(port),
            "WORLD_SIZE": str(nodes.instance_count),
            "RANK": str(nodes.node_rank),
            "NODE_RANK": str(nodes.node_rank),
            "LOCAL_RANK": "0",
        }
    return variables
