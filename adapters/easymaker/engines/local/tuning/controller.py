"""The loop of a tuning's controller: look, write down, act, until its trials are at their end.

The journal is written before anything is done, and everything that is done may be done twice. A SIGTERM ends the
controller only: its trials go on, and the next controller with them.
"""

import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from adapters.easymaker.engines.local.job_access import JobAccess
from adapters.easymaker.engines.local.launcher_runs import LauncherRuns
from adapters.easymaker.engines.local.processes import ProcessRunner
from adapters.easymaker.engines.local.processes.wrapper.records import boot_id
from adapters.easymaker.engines.local.tuning import decide, ledger, trials
from adapters.easymaker.engines.local.tuning.asking import Answer, Asking, Question
from adapters.easymaker.engines.local.tuning.journal import Event, Journal, read
from adapters.easymaker.engines.local.tuning.ledger import End, Ledger, Trial
from adapters.easymaker.engines.local.tuning.log import Log
from adapters.easymaker.engines.local.tuning.metric_lines import MetricPattern
from adapters.easymaker.engines.local.tuning.observations import ObservationServer
from adapters.easymaker.engines.local.tuning.plan import Plan
from adapters.easymaker.engines.local.tuning.watch import Means, TrialWatch
from adapters.easymaker.errors import TemporaryEngineError
from katib_suggestions.budget import Counts
from katib_suggestions.experiment import Experiment
from katib_suggestions.search_space import SearchSpace
from katib_suggestions.trial import TrialCondition

JOURNAL = "journal.jsonl"
LOG = "controller.log"
STOP = "stop-requested"
TICK = 0.2
# After a full disk, or another trouble of the machine that may pass.
TROUBLE_PAUSE = 2.0


class Controller:
    """One per tuning at a time: the journal's lock sees to it. Raises JournalInUse."""

    def __init__(self, plan: Plan, asked_to_end: threading.Event | None = None) -> None:
        self._plan = plan
        self._asked_to_end = asked_to_end or threading.Event()
        self._journal = Journal(plan.directory / JOURNAL)
        self._ledger = Ledger.of(read(plan.directory / JOURNAL))
        self._log = Log(plan.directory / LOG)
        self._limits = limits_of(plan)
        self._watches: dict[int, TrialWatch] = {}
        self._asking = Asking(asked_about(plan.experiment, self._limits.points), plan.sockets)
        self._observations = ObservationServer(plan.sockets.observations, self._series_of)
        self._means = Means(
            plan=plan,
            limits=self._limits,
            pattern=MetricPattern(plan.metric_regex, (plan.experiment.metric, *plan.experiment.additional_metrics)),
            runs=LauncherRuns(ProcessRunner(plan.home.processes), lambda: access_of(plan)),
            boot_id=boot_id(),
            record=self._record,
            say=self._log.say,
        )

    def run(self) -> bool:
        """Until the tuning is over (True), or until ``asked_to_end`` is set, which ends this process only (False)."""
        if self._ledger.over:
            return True
        self._observations.start()
        try:
            self._begin()
            while not self._ledger.over and not self._asked_to_end.is_set():
                self._asked_to_end.wait(self._guarded_step())
        finally:
            self._asking.close()
            self._observations.stop()
            self._journal.close()
            self._log.close()
        return self._ledger.over

    def _begin(self) -> None:
        if self._ledger.begun_at is None:
            self._record({"event": "begun", "at": time.time()})
            self._log.say(f"begins: {_described(self._plan, self._limits)}")
        else:
            self._log.say(f"goes on with {len(self._ledger.active)} trials that have not ended")

    def _guarded_step(self) -> float:
        """The pause until the next step."""
        try:
            self._step()
        except TemporaryEngineError as error:
            self._log.say(f"is tried again: {error}")
            return error.retry_after
        except OSError as error:
            self._log.say(f"this machine has a problem, it is tried again: {error}")
            return TROUBLE_PAUSE
        return TICK

    def _step(self) -> None:
        if self._ledger.end is None and (self._plan.directory / STOP).exists():
            self._decide(End("Stopped", succeeded=False, reason="stopped on request", stopped=True))
        trouble = self._advance_all()
        if self._ledger.end is None and (end := decide.end(self._ledger, self._limits)) is not None:
            self._decide(end)
        if self._ledger.end is None:
            self._take_answer()
            self._ask()
        elif not self._ledger.active:
            self._record({"event": "finished", "at": time.time()})
            self._log.say(f"has ended: {self._ledger.end.detail}; {_counted(decide.count(self._ledger.ordered))}")
        if trouble is not None:
            raise trouble

    def _advance_all(self) -> TemporaryEngineError | OSError | None:
        """One trial's trouble does not hold the others up."""
        trouble = None
        for trial in self._ledger.active:
            try:
                self._advance(trial)
            except (TemporaryEngineError, OSError) as error:
                trouble = trouble or error
        return trouble

    def _decide(self, end: End) -> None:
        self._record(ledger.end(end))
        self._log.say(f"no further trials: {end.detail}, {end.reason}")
        for trial in self._ledger.active:
            self._kill(trial)

    def _kill(self, trial: Trial) -> None:
        if trial.ending is None:
            self._record(ledger.stopping(trial, TrialCondition.KILLED, "ended with its tuning"))

    def _advance(self, trial: Trial) -> None:
        if self._ledger.end is not None:
            self._kill(trial)
            trial = self._ledger.trials[trial.number]
        if trial.condition is TrialCondition.CREATED:
            if trial.ending is not None:
                self._record(ledger.ended(_never_begun(trial)))
                return
            self._clear_earlier(trial)
            self._record(ledger.started(trial, self._means.boot_id, time.time()))
            trial = self._ledger.trials[trial.number]
        watch = self._watches.get(trial.number)
        if watch is None:
            watch = self._watches[trial.number] = TrialWatch(self._means, trial)
        watch.look(trial)
        after = self._ledger.trials[trial.number]
        if not after.active or after.attempt != trial.attempt:
            del self._watches[trial.number]

    def _clear_earlier(self, trial: Trial) -> None:
        """What attempts have left that the platform had ended."""
        for attempt in range(1, trial.attempt):
            old = ledger.at_attempt(trial, attempt)
            run = trials.run_of(self._plan, old)
            if not self._means.runs.end(run):
                raise TemporaryEngineError(f"what the shutdown left of {trial.id} is being removed", retry_after=0.3)
            for path in (run.directory, run.tensorboard):
                shutil.rmtree(path, ignore_errors=True)
            trials.series_path(self._plan.directory, old).unlink(missing_ok=True)

    def _ask(self) -> None:
        count = decide.missing(self._ledger, self._limits)
        if count and self._asking.ready:
            self._asking.ask(Question(self._ledger.ordered, count, validate=not self._ledger.validated))

    def _take_answer(self) -> None:
        answer = self._asking.poll()
        if self._asking.trouble:
            self._log.say(f"waits for the next suggestions: {self._asking.trouble}")
        if answer is None:
            return
        if answer.refused:
            self._decide(End("SuggestionFailed", succeeded=False, reason=answer.refused))
            return
        if not self._ledger.validated:
            self._record({"event": "validated"})
        if answer.without_rules:
            self._log.say(f"the next trials run without early stopping: {answer.without_rules}")
        self._create(answer)

    def _create(self, answer: Answer) -> None:
        first = max(self._ledger.trials, default=0) + 1
        made = [
            Trial(number, self._plan.trial_id(number), dict(point), answer.rules)
            for number, point in enumerate(answer.points, first)
        ]
        self._record(ledger.created(made, time.time()))
        for trial in made:
            self._log.say(f"{trial.id}: {_assigned(trial.assignments)}")

    def _record(self, event: Event) -> None:
        self._journal.append(event)
        self._ledger.apply(event)

    def _series_of(self, trial_id: str) -> Path | None:
        for trial in list(self._ledger.trials.values()):
            if trial.id == trial_id:
                return trials.series_path(self._plan.directory, trial)
        return None


def limits_of(plan: Plan) -> decide.Limits:
    experiment = plan.experiment
    return decide.Limits(
        metric=experiment.metric,
        objective=experiment.objective,
        parallel=experiment.parallel_trials,
        most_trials=experiment.max_trials,
        most_failed=experiment.max_failed_trials,
        goal=experiment.goal,
        points=SearchSpace.of(experiment.parameters).size,
    )


def asked_about(experiment: Experiment, points: int | None) -> Experiment:
    """As the services are told. They refuse more trials than a grid has points, which here are just the end."""
    if points is None or experiment.max_trials is None:
        return experiment
    return replace(experiment, max_trials=min(points, experiment.max_trials))


def access_of(plan: Plan) -> JobAccess:
    storage = plan.storage
    return JobAccess(plan.home, storage.token_key_file, storage.address, storage.ca_file)


def _never_begun(trial: Trial) -> Trial:
    return ledger.ended_as(trial, TrialCondition.KILLED, trial.reason, time.time())


def _assigned(assignments: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in assignments.items())


def _described(plan: Plan, limits: decide.Limits) -> str:
    goal = "" if limits.goal is None else f" until {limits.goal:g}"
    most = "any number of" if limits.most_trials is None else f"at most {limits.most_trials}"
    return (
        f"{plan.experiment.algorithm}, {most} trials, {limits.parallel} at a time, "
        f"{limits.objective} {limits.metric}{goal}"
    )


def _counted(counts: Counts) -> str:
    told = vars(counts)
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in told.items() if count) or "no trials"
