"""The optimisers of the comparison as something to ask and to tell: our service over gRPC, and peers in processes."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from benchmarks.suggestion_quality_environments import python_with
from benchmarks.suggestion_quality_problems import Problem
from katib_suggestions.experiment import Experiment, Objective
from katib_suggestions.rpc.client import SuggestionClient
from katib_suggestions.trial import Trial, TrialCondition

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "optuna-random": ("optuna==5.0.0",),
    "optuna-tpe": ("optuna==5.0.0",),
    "optuna-multivariate-tpe": ("optuna==5.0.0",),
    "optuna-gp": ("optuna==5.0.0", "scipy", "torch"),
    "hyperopt-tpe": ("hyperopt==0.2.7", "setuptools<81"),
    "skopt-gp": ("scikit-optimize==0.10.2",),
}
# One thread each, as in a pod with half a core; otherwise the comparison is one of schedulers.
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Optimiser(Protocol):
    def ask(self) -> tuple[int, Mapping[str, str]]: ...

    def tell(self, number: int, value: float) -> None: ...


class Service:
    """Our service as Katib's controller uses it: every trial in every request, what runs among them."""

    def __init__(self, client: SuggestionClient, problem: Problem, algorithm: str, seed: int) -> None:
        settings = {"random_state": str(seed)}
        self.client = client
        self.experiment = Experiment(
            f"{problem.name}-{seed}", problem.parameters, Objective.MINIMIZE, "loss", algorithm, settings
        )
        self.trials: list[Trial] = []
        client.validate(self.experiment)

    def ask(self) -> tuple[int, Mapping[str, str]]:
        assignments = self.client.suggest(self.experiment, self.trials, 1)[0]
        self.trials.append(Trial(f"trial-{len(self.trials)}", assignments, TrialCondition.RUNNING))
        return len(self.trials) - 1, assignments

    def tell(self, number: int, value: float) -> None:
        asked = self.trials[number]
        self.trials[number] = Trial(asked.name, asked.assignments, TrialCondition.SUCCEEDED, {"loss": repr(value)})


class Peer:
    def __init__(self, process: "subprocess.Popen[str]", name: str, problem: Problem, seed: int) -> None:
        self.process = process
        self._say({"optimiser": name, "seed": seed, "parameters": [asdict(each) for each in problem.parameters]})

    def ask(self) -> tuple[int, Mapping[str, str]]:
        self._say({"ask": True})
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended with {self.process.wait()}")
        answer = json.loads(line)
        return answer["id"], answer["assignments"]

    def tell(self, number: int, value: float) -> None:
        self._say({"tell": [number, value]})

    def _say(self, words: object) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()


@contextmanager
def peer(name: str, problem: Problem, seed: int) -> Iterator[Peer]:
    script = str(Path(__file__).with_name("suggestion_quality_peers.py"))
    program = [str(python_with(*PACKAGES[name])), "-W", "ignore", script]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        yield Peer(process, name, problem, seed)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def our_service() -> Iterator[SuggestionClient]:
    """The server as a process, on a socket of its own."""
    with tempfile.TemporaryDirectory() as directory:
        address = f"unix:{directory}/suggestion.sock"
        program = [sys.executable, "-m", "katib_suggestions", "suggestion", "--listen", address, "--log-level", "error"]
        process = subprocess.Popen(program, env=ENVIRONMENT)
        try:
            with SuggestionClient(address) as client:
                yield client
        finally:
            process.terminate()
            process.wait()


def children_seconds() -> float:
    """CPU time of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
