"""How near to the optimum an experiment comes: our services over gRPC against other optimisers, 1 and 4 trials at once.

    python -m benchmarks suggestion_quality                       # ours and the quick peers, 10 seeds
    python -m benchmarks.suggestion_quality --help                # any peers, problems, seeds; writes docs/suggestions

A trial ends when the next point is asked for, the longest running first; running ones are in every request.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.suggestion_quality_optimisers import PACKAGES, Optimiser, Service, our_service, peer
from benchmarks.suggestion_quality_plot import plot
from benchmarks.suggestion_quality_problems import PROBLEMS, Problem
from katib_suggestions.rpc.client import SuggestionClient

OURS = ("bayesian", "random")
QUICK_PEERS = ("optuna-random", "optuna-tpe", "optuna-multivariate-tpe", "hyperopt-tpe")
IN_FLIGHT = (1, 4)
TRIALS = (30, 60, 100)
INTRODUCTION = """# How good the suggestions are

Median regret (distance to the known optimum; less is better) after 30, 60 and 100 finished trials, with one trial at a
time and with four. Made by `python -m benchmarks.suggestion_quality --write`; the least of each column is bold.
`bayesian` and `random` are our service over gRPC, asked as Katib's controller asks. `optuna-tpe`,
`optuna-multivariate-tpe`, `hyperopt-tpe` and `skopt-gp` are set up as Katib's services of today set them up (Katib's
own random search is the same uniform one as ours, with repetitions). `optuna-gp` is optuna's `GPSampler`, as its
documentation uses it; it needs torch, which no suggestion service has room for. `svc_digits` is support vector machines
on handwritten digits, three kinds with a table of errors each; 0.00056 there is one digit of 1,797, and the median of
ten seeds varies by a third and more, so it has thirty.

An empty cell was not measured: a point of `skopt-gp` takes up to some seconds, so most of its experiments end at 60
trials and ten seeds.

![Median regret over finished trials](quality.svg)
"""
DOCUMENTS = Path(__file__).parents[1] / "docs" / "suggestions"


@dataclass(frozen=True)
class Traced:
    """One experiment: the best regret after each finished trial."""

    optimiser: str
    problem: str
    in_flight: int
    seed: int
    regrets: Sequence[float]


def trace(optimiser: Optimiser, problem: Problem, in_flight: int, trials: int) -> tuple[float, ...]:
    running: list[tuple[int, float]] = []
    regrets: list[float] = []
    started = 0
    while len(regrets) < trials:
        while len(running) < in_flight and started < trials:
            number, assignments = optimiser.ask()
            running.append((number, problem.value(assignments)))
            started += 1
        number, value = running.pop(0)
        optimiser.tell(number, value)
        regrets.append(min([problem.regret(value), *regrets[-1:]]))
    return tuple(regrets)


def medians(results: Iterable[Traced]) -> dict[tuple[str, int, str], list[float]]:
    """By problem, number in flight and optimiser: the median regret after each trial that all seeds have."""
    groups: dict[tuple[str, int, str], list[Sequence[float]]] = {}
    for each in results:
        groups.setdefault((each.problem, each.in_flight, each.optimiser), []).append(each.regrets)
    return {key: [statistics.median(column) for column in zip(*rows, strict=False)] for key, rows in groups.items()}


def table(results: Sequence[Traced]) -> str:
    """In markdown: median regrets, the least of each column in bold."""
    found = medians(results)
    problems = dict.fromkeys(problem for problem, _, _ in found)
    columns = [(n, at) for n in sorted({n for _, n, _ in found}) for at in TRIALS]
    lines: list[str] = []
    for problem in problems:
        names = dict.fromkeys(name for at, _, name in found if at == problem)
        seeds = {name: len({r.seed for r in results if (r.optimiser, r.problem) == (name, problem)}) for name in names}
        cells = {
            (name, n, at): curve[at - 1]
            for name in names
            for n, at in columns
            if len(curve := found.get((problem, n, name), [])) >= at
        }
        least = {
            column: min((v for (_, *c), v in cells.items() if tuple(c) == column), default=0) for column in columns
        }
        lines += [
            "",
            f"### {problem}",
            "",
            "| optimiser | " + " | ".join(f"{n} at once, {at}" for n, at in columns) + " | seeds |",
        ]
        lines.append("| --- |" + " ---: |" * (len(columns) + 1))
        for name in names:
            shown = [_cell(cells.get((name, *column)), least[column]) for column in columns]
            lines.append(f"| {name} | {' | '.join(shown)} | {seeds[name]} |")
    return "\n".join(lines) + "\n"


def _cell(value: float | None, least: float) -> str:
    if value is None:
        return ""
    return f"**{value:.2g}**" if value <= least else f"{value:.2g}"


def better_everywhere(results: Sequence[Traced]) -> bool:
    """Whether no peer has a lower median than bayesian, after any of the counts."""
    found = medians(results)
    return all(
        found[problem, n, "bayesian"][at - 1] <= curve[at - 1]
        for (problem, n, name), curve in found.items()
        for at in TRIALS
        if at <= len(curve) and name not in OURS
    )


def run() -> dict[str, Any]:
    results = measured(arguments([]))
    found = medians(results)
    return {
        f"{problem}: {n} at once": {
            f"{name} after {at}": f"{curve[at - 1]:.2g}"
            for (of, flying, name), curve in found.items()
            if (of, flying) == (problem, n)
            for at in TRIALS
        }
        for problem in PROBLEMS
        for n in IN_FLIGHT
    } | {"passed": better_everywhere(results)}


def measured(asked: argparse.Namespace) -> list[Traced]:
    """What `asked.results` has already, and the rest."""
    file: Path | None = asked.results
    lines = file.read_text().splitlines() if file and file.exists() else []
    results = [Traced(**json.loads(line)) for line in lines]
    done = {(each.optimiser, each.problem, each.in_flight, each.seed) for each in results}
    missing = [
        (name, problem, in_flight, seed)
        for problem in asked.problems
        for name in asked.optimisers
        for in_flight in asked.in_flight
        for seed in range(asked.seeds)
        if (name, problem, in_flight, seed) not in done
    ]
    problems = {name: PROBLEMS[name]() for _, name, _, _ in missing}
    with our_service() as client:
        for name, problem, in_flight, seed in missing:
            with opened(client, name, problems[problem], seed) as optimiser:
                regrets = trace(optimiser, problems[problem], in_flight, asked.trials)
            results.append(Traced(name, problem, in_flight, seed, regrets))
            if file:
                with file.open("a") as end:
                    end.write(json.dumps(asdict(results[-1])) + "\n")
    order = (*PROBLEMS, *OURS, *PACKAGES)
    return sorted(results, key=lambda each: (order.index(each.problem), order.index(each.optimiser)))


@contextmanager
def opened(client: SuggestionClient, name: str, problem: Problem, seed: int) -> Iterator[Optimiser]:
    if name in OURS:
        yield Service(client, problem, name, seed)
    else:
        with peer(name, problem, seed) as other:
            yield other


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suggestion_quality", description=__doc__)
    parser.add_argument("--optimisers", nargs="+", choices=(*OURS, *PACKAGES), default=[OURS[0], *QUICK_PEERS])
    parser.add_argument("--problems", nargs="+", choices=tuple(PROBLEMS), default=list(PROBLEMS))
    parser.add_argument("--in-flight", nargs="+", type=int, default=list(IN_FLIGHT))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=max(TRIALS))
    parser.add_argument("--results", type=Path, help="a file to go on from, one experiment a line; grows as it goes")
    parser.add_argument("--write", action="store_true", help=f"the table and the plot, into {DOCUMENTS.name}/")
    return parser.parse_args(given)


def main(given: Sequence[str]) -> int:
    asked = arguments(given)
    results = measured(asked)
    text = table(results)
    print(text)
    if asked.write:
        (DOCUMENTS / "quality.md").write_text(INTRODUCTION + text)
        (DOCUMENTS / "quality.svg").write_text(plot(medians(results)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
