"""What one point costs the suggestion service, by how many trials are known already, over gRPC as Katib asks.

CPU seconds of the server process for one GetSuggestions, and its memory; for three numbers of trials in a row, since
not every point is found by the same means. Optuna's TPE is asked in the same run, in an
environment of its own, with as many trials of its own told.
"""

import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from benchmarks.suggestion_quality_optimisers import ENVIRONMENT, peer
from benchmarks.suggestion_quality_problems import Problem
from katib_suggestions import service
from katib_suggestions.experiment import Distribution, Experiment, Objective, Parameter, ParameterType
from katib_suggestions.rpc.client import SuggestionClient
from katib_suggestions.search_space import SearchSpace
from katib_suggestions.trial import Trial, TrialCondition

PARAMETERS = (
    Parameter("lr", ParameterType.DOUBLE, "0.00001", "0.1", distribution=Distribution.LOG_UNIFORM),
    Parameter("decay", ParameterType.DOUBLE, "0.000001", "0.01", distribution=Distribution.LOG_UNIFORM),
    Parameter("momentum", ParameterType.DOUBLE, "0.1", "0.99"),
    Parameter("layers", ParameterType.INT, "1", "64"),
    Parameter("optimizer", ParameterType.CATEGORICAL, list=("sgd", "adam", "ftrl")),
)
ALGORITHMS = ("random", "grid", "bayesianoptimization")
HISTORIES = (10, 100, 1_000, 2_000, 10_000)
ROUNDS = 3
# The kernel counts CPU time in hundredths of a second.
CALLS = 10
PEER, PEER_HISTORY = "optuna-tpe", 1_000
# CPU seconds for one point at 1,000 trials, and Katib's time limit at half a core for 10,000.
AIMS = {"random": 0.02, "grid": 0.02, "bayesianoptimization": 1.0}
MOST_SECONDS_AT_10_000 = 30.0
MIB = 1024**2


def experiment(algorithm: str) -> Experiment:
    parameters = PARAMETERS
    if algorithm == "grid":
        steps = {"lr": "0.001", "decay": "0.0001", "momentum": "0.05"}
        parameters = tuple(
            Parameter(each.name, each.type, each.min, each.max, steps.get(each.name, ""), each.list)
            for each in parameters
        )
    return Experiment("latency", parameters, Objective.MINIMIZE, "loss", algorithm, {"random_state": "1"})


def history(asked: Experiment, count: int) -> list[Trial]:
    """Finished trials at random points, with a loss that has a slope and noise."""
    space = SearchSpace.of(asked.parameters)
    noise = random.Random(7)
    points = service.suggest(Experiment("h", asked.parameters, asked.objective, "loss", "random"), [], count)
    found: list[Trial] = []
    for number, assignments in enumerate(points):
        point = space.read(assignments)
        assert point is not None
        loss = sum((unit - 0.3) ** 2 for unit in space.to_unit(point)) + noise.gauss(0, 0.01)
        found.append(Trial(f"trial-{number}", assignments, TrialCondition.SUCCEEDED, {"loss": repr(loss)}))
    return found


def cpu_seconds(process: psutil.Process) -> float:
    """Of a process and of those that it has begun."""
    family = [process, *process.children(recursive=True)]
    return sum(times.user + times.system for times in (each.cpu_times() for each in family))


@contextmanager
def served() -> Iterator[tuple[psutil.Process, str]]:
    """The server as a process, with what it needs of memory and nothing else."""
    with tempfile.TemporaryDirectory() as directory:
        address = f"unix:{directory}/suggestion.sock"
        program = [sys.executable, "-m", "katib_suggestions", "suggestion", "--listen", address, "--log-level", "error"]
        process = subprocess.Popen(program, env=ENVIRONMENT)
        try:
            yield psutil.Process(process.pid), address
        finally:
            process.terminate()
            process.wait()


def measure(algorithm: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    asked = experiment(algorithm)
    trials = history(asked, HISTORIES[-1])
    with served() as (server, address), SuggestionClient(address, seconds=600) as client:
        client.validate(asked)
        told["idle_mib"] = server.memory_info().rss / MIB
        for known in HISTORIES:
            costs: list[float] = []
            for fewer in range(ROUNDS):
                before = cpu_seconds(server)
                for _ in range(CALLS):
                    client.suggest(asked, trials[: known - fewer], 1)
                costs.append((cpu_seconds(server) - before) / CALLS)
            told[f"cpu_seconds_at_{known}"] = {"median": statistics.median(costs), "min": min(costs), "max": max(costs)}
            told[f"mib_at_{known}"] = server.memory_info().rss / MIB
    return told


def peer_seconds() -> float | str:
    """CPU seconds of one ask of optuna's TPE after as many trials; why there is none where it cannot be installed."""
    problem = Problem("latency", PARAMETERS, lambda values: 0.0, 0.0)
    noise = random.Random(7)
    try:
        with peer(PEER, problem, 1) as asked:
            for _ in range(PEER_HISTORY):
                number, _ = asked.ask()
                asked.tell(number, noise.random())
            watched = psutil.Process(asked.process.pid)
            before = cpu_seconds(watched)
            for _ in range(ROUNDS * CALLS):
                number, _ = asked.ask()
                asked.tell(number, noise.random())
            return (cpu_seconds(watched) - before) / (ROUNDS * CALLS)
    except subprocess.CalledProcessError as error:
        return f"not installed: {error}"


def run() -> dict[str, Any]:
    told: dict[str, Any] = {algorithm: measure(algorithm) for algorithm in ALGORITHMS}
    told[f"{PEER}_cpu_seconds_at_{PEER_HISTORY}"] = peer_seconds()
    told["passed"] = all(
        told[name]["cpu_seconds_at_1000"]["max"] < aim
        and told[name]["cpu_seconds_at_10000"]["max"] < MOST_SECONDS_AT_10_000
        for name, aim in AIMS.items()
    )
    return told
