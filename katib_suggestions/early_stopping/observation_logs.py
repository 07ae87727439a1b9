"""Where the values are that trials have logged: Katib's DB manager, or whatever else serves its interface."""

from collections.abc import Sequence
from typing import Protocol


class ObservationLogs(Protocol):
    """Any number of reads may be under way at once."""

    async def values(self, trial: str, metric: str) -> Sequence[str]:
        """What the trial logged for the metric, in the order of time, as it was logged.

        Empty for a trial that is not known. Raises what stands for the store's not answering, after having tried again.
        """
        ...
