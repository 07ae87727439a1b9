"""Asks the suggestion and early-stopping services, in a thread, so that a model that is fitted holds nothing up."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from adapters.easymaker.engines.local.tuning.ledger import Trial
from adapters.easymaker.engines.local.tuning.plan import Sockets
from katib_suggestions.early_stopping.rules import StoppingRule
from katib_suggestions.experiment import Experiment, Objective
from katib_suggestions.rpc.client import EarlyStoppingClient, ServiceError, ServiceUnavailable, SuggestionClient
from katib_suggestions.search_space import InvalidExperiment, SearchSpace
from katib_suggestions.service import within_space
from katib_suggestions.trial import Trial as KatibTrial

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
# A service that answers, and answers with faults, is not asked for ever.
MOST_FAULTS = 8
# Trials are not held up for long by rules that end them.
RULES_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """Points for new trials and the rules for each of them; or why there never will be any."""

    points: Sequence[Mapping[str, str]] = ()
    rules: tuple[StoppingRule, ...] = ()
    refused: str = ""
    without_rules: str = ""
    """Why there are no rules although the tuning stops early."""


@dataclass(frozen=True)
class Question:
    trials: Sequence[Trial]
    count: int
    validate: bool


class Asking:
    """At most one question at a time. A question may be put again after any kill: it has the same answer."""

    def __init__(self, experiment: Experiment, sockets: Sockets) -> None:
        self._experiment = experiment
        self._suggestions = SuggestionClient(f"unix:{sockets.suggestion}")
        self._early_stopping = EarlyStoppingClient(f"unix:{sockets.early_stopping}")
        self._db_address = f"unix:{sockets.observations}"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="asking")
        self._future: Future[Answer] | None = None
        self._pause = FIRST_PAUSE
        self._not_before = 0.0
        self._faults = 0
        self._rules_since: float | None = None
        self.trouble = ""
        """What keeps an answer away at present, for the log."""

    @property
    def ready(self) -> bool:
        """Whether a question may be put now."""
        return self._future is None and time.monotonic() >= self._not_before

    def ask(self, question: Question) -> None:
        self._future = self._thread.submit(self._answer, question)

    def poll(self) -> Answer | None:
        """The answer, if it is there. Without one after a while the question has to be put again."""
        if self._future is None or not self._future.done():
            return None
        future, self._future = self._future, None
        try:
            answer = future.result()
        except InvalidExperiment as error:
            return Answer(refused=str(error))
        except ServiceError as error:
            return self._later(error)
        self._pause, self._faults, self.trouble = FIRST_PAUSE, 0, ""
        return answer

    def close(self) -> None:
        """Leaves a call that is under way behind."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._suggestions.close()
        self._early_stopping.close()

    def _later(self, error: ServiceError) -> Answer | None:
        if not isinstance(error, ServiceUnavailable):
            self._faults += 1
            if self._faults >= MOST_FAULTS:
                return Answer(refused=f"the suggestion service failed {self._faults} times: {error}")
        self.trouble = str(error)
        self._not_before = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return None

    def _answer(self, question: Question) -> Answer:
        experiment, early = self._experiment, bool(self._experiment.early_stopping)
        if question.validate:
            # More trials than there are points are no mistake: decide.py ends a tuning when all have been tried.
            self._suggestions.validate(within_space(experiment, SearchSpace.of(experiment.parameters)))
            if early:
                self._early_stopping.validate(experiment)
        trials = [katib_trial(trial, experiment) for trial in question.trials]
        points = self._suggestions.suggest(experiment, trials, question.count, len(trials) + question.count)
        rules, why = self._rules(trials) if early else ((), "")
        return Answer(points, rules, without_rules=why)

    def _rules(self, trials: Sequence[KatibTrial]) -> tuple[tuple[StoppingRule, ...], str]:
        try:
            rules = tuple(self._early_stopping.rules(self._experiment, trials, self._db_address))
        except ServiceError as error:
            self._rules_since = self._rules_since or time.monotonic()
            if time.monotonic() - self._rules_since < RULES_SECONDS:
                raise ServiceUnavailable(str(error)) from error
            return (), str(error)
        self._rules_since = None
        return rules, ""


def katib_trial(trial: Trial, experiment: Experiment) -> KatibTrial:
    """With one value per metric, the best: Katib's default for an objective and for metrics beside it."""
    best = "max" if experiment.objective is Objective.MAXIMIZE else "min"
    metrics = {name: getattr(reduced, best) for name, reduced in trial.metrics.items()}
    return KatibTrial(trial.id, trial.assignments, trial.condition, metrics)
