"""Models on a cluster: records, of which the cluster has no more than a Secret."""

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.secret_objects import delete_secret
from adapters.easymaker.kinds.record import Family, Goal


class ModelDriver:
    """The artifact stays where it is; whether it can be served shows when it is served. Its Secret is made by the
    secret store before the record, and is never read here: it goes by its name.
    """

    def __init__(self, parts: ClusterParts) -> None:
        self._server = parts.server

    def observe(self, family: Family) -> Observation:
        return Observation(Phase.RUNNING if family.record.goal is Goal.PRESENT else Phase.STOPPED)

    def start(self, family: Family) -> None:
        """Nothing to do."""

    def stop(self, family: Family) -> None:
        """A model has nothing that could be stopped."""

    def remove(self, family: Family) -> bool:
        record = family.record
        delete_secret(self._server, record.appkey, record.id)
        return True
