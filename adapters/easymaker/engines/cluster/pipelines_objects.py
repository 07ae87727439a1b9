"""What Kubeflow Pipelines has of our resources. It gives ids of its own and takes none, so that a name has ours in it:
what a lost answer was about is found again by that.
"""

from dataclasses import dataclass
from typing import Self

from adapters.easymaker.engines.cluster.names import namespace_of
from adapters.easymaker.engines.cluster.pipelines_api import ROOT, PipelinesApi, filter_of, filtered
from adapters.easymaker.errors import PermanentEngineError, TemporaryEngineError
from adapters.easymaker.kinds.pipeline import stored
from adapters.easymaker.kinds.record import Family, Json, Record
from adapters.easymaker.pipelines.documents import Pipeline

EXPERIMENTS, RUNS, RECURRING_RUNS = f"{ROOT}/experiments", f"{ROOT}/runs", f"{ROOT}/recurringruns"
# Where an answer has its list.
KEYS = {EXPERIMENTS: "experiments", RUNS: "runs", RECURRING_RUNS: "recurringRuns"}
IDS = {EXPERIMENTS: "experiment_id", RUNS: "run_id", RECURRING_RUNS: "recurring_run_id"}
PIPELINES_ID = "pipelinesExperimentId"
"""Of an experiment's state."""
LONGEST_NAME = 80
OLDEST_FIRST = "created_at asc"


def shown_name(record: Record) -> str:
    return f"{record.name[:LONGEST_NAME]}{_suffix(record)}"


def found(api: PipelinesApi, path: str, record: Record) -> list[Json]:
    """All that were made for this resource, also under an earlier name of it; the oldest first.

    More than one is there when an answer was so late that it was asked for again.
    """
    query = {
        "namespace": namespace_of(record.appkey),
        "sort_by": OLDEST_FIRST,
        "filter": filter_of(filtered("IS_SUBSTRING", "display_name", stringValue=_suffix(record))),
    }
    listed = api.pages(path, KEYS[path], query)
    mine = [each for each in listed if str(each.get("display_name", "")).endswith(_suffix(record))]
    # Whoever looks has the same order, also of what was made in one second.
    return sorted(mine, key=lambda each: (str(each.get("created_at", "")), str(each.get(IDS[path], ""))))


class PipelinesExperiments:
    """Experiments in Kubeflow Pipelines, one for each of ours."""

    def __init__(self, api: PipelinesApi) -> None:
        self._api = api

    def find(self, record: Record) -> str | None:
        """The id of the experiment that was made for this resource."""
        experiments = found(self._api, EXPERIMENTS, record)
        return experiments[0]["experiment_id"] if experiments else None

    def ensure(self, record: Record) -> None:
        """Make the experiment; already there is success."""
        body = {
            "display_name": shown_name(record),
            "description": record.description,
            "namespace": namespace_of(record.appkey),
        }
        self._api.create(EXPERIMENTS, body)

    def required(self, record: Record) -> str:
        """Its id; made where our experiment is older than the address of Kubeflow Pipelines in the settings."""
        experiment_id = self.find(record)
        if experiment_id is None:
            self.ensure(record)
            experiment_id = self.find(record)
        if experiment_id is None:
            raise TemporaryEngineError("Kubeflow Pipelines has not made the experiment yet")
        return experiment_id

    def remove(self, record: Record, known: str | None) -> None:
        """Delete the experiment; its runs stay. Missing is success."""
        experiment_id = known or self.find(record)
        if experiment_id is not None:
            self._api.delete(f"{EXPERIMENTS}/{experiment_id}")


@dataclass(frozen=True)
class Begun:
    """What a run or a schedule begins with."""

    pipeline: Pipeline
    experiment_id: str

    @classmethod
    def of(cls, family: Family, experiments: PipelinesExperiments) -> Self:
        """Raises PermanentEngineError where the pipeline or the experiment is not there any more."""
        pipeline, experiment = family.ref("pipeline"), family.ref("experiment")
        if pipeline is None or experiment is None:
            gone = "pipeline" if pipeline is None else "experiment"
            raise PermanentEngineError(f"its {gone} was deleted before the run began")
        experiment_id = experiment.state.get(PIPELINES_ID) or experiments.required(experiment)
        return cls(stored(pipeline.spec), experiment_id)


def _suffix(record: Record) -> str:
    return f" ({record.id})"
