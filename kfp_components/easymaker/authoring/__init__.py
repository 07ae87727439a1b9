"""What pipeline authors want and kfp lacks: each takes a task, changes it, and returns it. README.md has examples.

A compiled pipeline stays portable: claims, config maps, secrets and nodes of a cluster are not needed on one machine.
"""

from kfp_components.easymaker.authoring.environment import use_easymaker
from kfp_components.easymaker.authoring.flavors import Flavor, FlavorUnknown, find_flavor
from kfp_components.easymaker.authoring.nas import mount_nas
from kfp_components.easymaker.authoring.preemption import retry_on_preemption
from kfp_components.easymaker.authoring.resources import use_flavor

__all__ = [
    "Flavor",
    "FlavorUnknown",
    "find_flavor",
    "mount_nas",
    "retry_on_preemption",
    "use_easymaker",
    "use_flavor",
]
