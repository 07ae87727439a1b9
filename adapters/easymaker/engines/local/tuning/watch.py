"""One trial while it runs: its processes are looked after, its log is read, its rules are applied."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from adapters.easymaker.engines.local.launcher_runs import LauncherRuns, Node
from adapters.easymaker.engines.local.processes import Phase
from adapters.easymaker.engines.local.tuning import ledger, trials
from adapters.easymaker.engines.local.tuning.decide import Limits
from adapters.easymaker.engines.local.tuning.journal import Event
from adapters.easymaker.engines.local.tuning.ledger import Trial
from adapters.easymaker.engines.local.tuning.metric_lines import MetricPattern
from adapters.easymaker.engines.local.tuning.metrics import Collector
from adapters.easymaker.engines.local.tuning.plan import Plan
from adapters.easymaker.engines.local.tuning.series import Series
from katib_suggestions.early_stopping.watch import StopWatch
from katib_suggestions.trial import TrialCondition

# What one look at a trial may take of its log; the others want to be looked at, too.
CHUNKS_PER_LOOK = 8


@dataclass(frozen=True)
class Means:
    """What all trials of a tuning are watched with. ``record`` puts an event into the journal, then into the ledger."""

    plan: Plan
    limits: Limits
    pattern: MetricPattern
    runs: LauncherRuns
    boot_id: str
    record: Callable[[Event], None]
    say: Callable[[str], None]


class TrialWatch:
    """Of one attempt. A new one, in a new process, goes on where this one was killed."""

    def __init__(self, means: Means, trial: Trial) -> None:
        plan = means.plan
        self._means = means
        self._run = trials.run_of(plan, trial)
        self._work = trials.work_of(plan, trial)
        path = trials.series_path(plan.directory, trial)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self._collector = Collector(means.runs.log_path(self._run), Series(path), means.pattern)
        self._stop_watch = StopWatch(trial.rules, means.limits.metric, means.limits.objective)
        self._due = self._stop_watch.feed((name, text) for _, name, text in self._collector.series.values())
        self._asked = False

    def look(self, trial: Trial) -> None:
        """One step, for a trial whose attempt is on record as started."""
        means = self._means
        nodes = means.runs.look(self._run)
        if trial.ending is None and _can_begin(nodes):
            means.runs.start(self._run, self._work)
            nodes = means.runs.look(self._run)
        verdict = trials.judge(trial, nodes, means.boot_id)
        if self._collect(last=verdict is not None) and verdict is not None:
            return  # of its log there is more to be read before it is judged
        if verdict is not None:
            self._end(trial, nodes, verdict)
        elif trial.ending is not None:
            self._ask_to_end()
        elif failure := trials.failure(nodes):
            self._stop(trial, TrialCondition.FAILED, failure)
        elif any(node.stopped for node in nodes):
            # Somebody else has ended a part of it; without that the others would wait for ever.
            self._ask_to_end()
        elif self._due:
            means.say(f"{trial.id} is stopped early: {self._due}")
            self._stop(trial, TrialCondition.EARLY_STOPPED, self._due)

    def _collect(self, last: bool) -> bool:
        """Whether the log holds more than was taken in now."""
        more = True
        for _ in range(CHUNKS_PER_LOOK):
            found = self._collector.poll(time.time(), last)
            self._due = self._due or self._stop_watch.feed(found.values)
            more = found.more
            if not more:
                break
        if self._collector.gave_up:
            self._means.say(
                f"{self._run.name}: its log takes too long to be searched for metrics, the rest is left out"
            )
            return False
        return more

    def _stop(self, trial: Trial, ending: TrialCondition, reason: str) -> None:
        self._means.record(ledger.stopping(trial, ending, reason))
        self._ask_to_end()

    def _ask_to_end(self) -> None:
        """Once, and again by a controller that does not know whether an earlier one got to it."""
        if not self._asked:
            self._means.runs.stop_living(self._run)
            self._asked = True

    def _end(self, trial: Trial, nodes: Sequence[Node], verdict: trials.Verdict) -> None:
        means = self._means
        if verdict.condition is None:
            means.record(ledger.interrupted(trial, verdict.reason))
            means.say(f"{trial.id} is begun again: {verdict.reason}")
            return
        self._collector.series.sync()
        ended = self._ended(trial, nodes, verdict)
        means.record(ledger.ended(ended))
        means.runs.discard_work(self._run)
        value = ended.metrics.get(means.limits.metric)
        told = f", {means.limits.metric} from {value.min} to {value.max}, last {value.latest}" if value else ""
        means.say(f"{trial.id}: {ended.condition}{told}{f' ({ended.reason})' if ended.reason else ''}")

    def _ended(self, trial: Trial, nodes: Sequence[Node], verdict: trials.Verdict) -> Trial:
        metric = self._means.limits.metric
        condition, reason = verdict.condition, verdict.reason
        assert condition is not None
        if condition is TrialCondition.SUCCEEDED and metric not in self._collector.series.reduced:
            condition = TrialCondition.METRICS_UNAVAILABLE
            reason = f"it ended well, but metricRegex found no value of {metric} in its log"
        started = [node.state.started_at for node in nodes if node.state.started_at]
        finished = [node.state.finished_at for node in nodes if node.state.finished_at]
        return replace(
            trial,
            condition=condition,
            reason=reason,
            metrics=dict(self._collector.series.reduced),
            started_at=min(started, default=trial.started_at),
            finished_at=max(finished, default=time.time()),
        )


def _can_begin(nodes: Sequence[Node]) -> bool:
    """Not when another node has ended already: one that begins now would wait for it in vain."""
    return any(node.state.phase is Phase.MISSING for node in nodes) and not any(node.state.over for node in nodes)
