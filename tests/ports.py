"""Ports for the programs that tests start; a port that is free now has to be free when its program listens on it."""

import itertools
import os
import random
import socket
from pathlib import Path

# Below are the ports of well-known programs and this project's defaults.
LOWEST_PORT, HIGHEST_PORT = 12000, 65536
MOST_WORKERS = 16


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on, from below those that the system gives to whoever asks for any port.

    So none of these is given away by chance before the program that it is meant for listens on it; nor by another
    worker of pytest-xdist, which has ports of its own.
    """
    first_of_system = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    # Where the system gives away nearly all ports, it has to be among those.
    last = first_of_system if first_of_system > 2 * LOWEST_PORT else HIGHEST_PORT
    candidates = list(range(LOWEST_PORT + worker % MOST_WORKERS, last, MOST_WORKERS))
    random.SystemRandom().shuffle(candidates)
    return list(itertools.islice(filter(_is_free, candidates), count))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    return free_ports(1)[0]
