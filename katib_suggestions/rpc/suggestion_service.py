"""Katib's Suggestion service over the Python API: which points next, and is this experiment one that can be run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from katib_suggestions import service
from katib_suggestions.algorithms import ALGORITHMS
from katib_suggestions.experiment import Experiment
from katib_suggestions.rpc import api_pb2, conversion
from katib_suggestions.rpc.calls import Call, Workers
from katib_suggestions.rpc.guard import Answer
from katib_suggestions.search_space import InvalidExperiment

UNKNOWN = "unknown"


@dataclass(frozen=True)
class SuggestionService:
    workers: Workers
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Names that experiments may use besides our own."""
    algorithms: frozenset[str] | None = None
    """Those that are served; None for all."""

    @property
    def answers(self) -> dict[str, Answer]:
        return {"GetSuggestions": self.get_suggestions, "ValidateAlgorithmSettings": self.validate}

    async def get_suggestions(self, request: api_pb2.GetSuggestionsRequest, call: Call) -> api_pb2.GetSuggestionsReply:
        count, total = request.current_request_number, request.total_request_number
        call.notes |= {"trials": len(request.trials), "points": count, "experiment": request.experiment.name}

        def work() -> api_pb2.GetSuggestionsReply:
            experiment = self._experiment(request.experiment, call)
            # What was asked for till now includes what is asked for now.
            issued = total - count if total > count else None
            trials = conversion.read_trials(request.trials)
            points = service.suggest(experiment, trials, count, issued=issued, checkpoint=call.check)
            return conversion.suggestions_message(points)

        return await self.workers.run(call, work)

    async def validate(
        self, request: api_pb2.ValidateAlgorithmSettingsRequest, call: Call
    ) -> api_pb2.ValidateAlgorithmSettingsReply:
        call.notes["experiment"] = request.experiment.name
        await self.workers.run(call, lambda: service.validate(self._experiment(request.experiment, call)))
        return api_pb2.ValidateAlgorithmSettingsReply()

    def _experiment(self, message: api_pb2.Experiment, call: Call) -> Experiment:
        name = message.spec.algorithm.algorithm_name
        meant = self.aliases.get(name, name)
        served = meant in ALGORITHMS and (self.algorithms is None or meant in self.algorithms)
        # A name that anybody may make up is no label of a metric.
        call.algorithm = meant if served else UNKNOWN
        if not served and meant in ALGORITHMS:
            raise InvalidExperiment([f"algorithm {name!r} is not served here, but {self._served()}"])
        return conversion.read_experiment(message, aliases=self.aliases)

    def _served(self) -> str:
        return ", ".join(sorted({*(self.algorithms or ()), *self.aliases}))
