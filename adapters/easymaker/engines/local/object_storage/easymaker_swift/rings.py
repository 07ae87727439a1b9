"""Writes the three one-device rings with Swift's ring builder: ``python -m easymaker_swift.rings DIRECTORY DEVICE
ACCOUNT_PORT CONTAINER_PORT OBJECT_PORT``.

One process instead of nine runs of ``swift-ring-builder``. With one device every partition lies on it whatever the
port, so that a ring can be written anew when a port changes.
"""

import sys
from pathlib import Path

from swift.common.ring import RingBuilder

# Never changed afterwards: the partition is a part of each object's path on disk.
_PART_POWER = 8


def main() -> None:
    directory, device, *ports = sys.argv[1:]
    for kind, port in zip(("account", "container", "object"), ports, strict=True):
        builder = RingBuilder(part_power=_PART_POWER, replicas=1, min_part_hours=0)
        place = {"id": 0, "region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": device, "weight": 1.0}
        builder.add_dev(place | {"replication_ip": "127.0.0.1", "replication_port": int(port), "meta": ""})
        builder.rebalance()
        target = Path(directory) / f"{kind}.ring.gz"
        partial = target.with_suffix(".partial")
        builder.get_ring().save(str(partial))
        partial.replace(target)


if __name__ == "__main__":
    main()
