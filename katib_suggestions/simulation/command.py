"""`python -m katib_suggestions simulate experiment.yaml --objective module:function`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from katib_suggestions import service
from katib_suggestions.algorithms import ALGORITHMS
from katib_suggestions.experiment import Experiment
from katib_suggestions.experiment_yaml import Declared, read
from katib_suggestions.search_space import InvalidExperiment
from katib_suggestions.simulation import objectives, report
from katib_suggestions.simulation.run import Result, simulate
from katib_suggestions.trial import Trial
from katib_suggestions.usage import UsageError

FAILED = 1
FORMATS = ("text", "json", "csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("experiment", type=Path, metavar="EXPERIMENT.yaml", help="Katib's Experiment, as it is")
    parser.add_argument(
        "--objective",
        required=True,
        metavar="MODULE:FUNCTION",
        help="gets a dict of hyperparameters; gives a number, a dict of metrics, or an iterable of these (a curve)",
    )
    parser.add_argument("--algorithm", help=f"instead of the experiment's: {', '.join(ALGORITHMS)}")
    parser.add_argument("--max-trials", type=_count, metavar="N", help="instead of maxTrialCount")
    parser.add_argument("--parallel-trials", type=_count, metavar="N", help="instead of parallelTrialCount")
    parser.add_argument("--random-state", type=int, metavar="N", help="instead of the setting random_state")
    parser.add_argument("--address", metavar="HOST:PORT", help="ask this suggestion service, instead of the Python API")
    parser.add_argument("--format", choices=FORMATS, default="text", help="of what is printed (text)")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.svg", help="write the values and the best so far as a picture"
    )


def run(options: argparse.Namespace) -> int:
    """0: the experiment has succeeded, 1: too many trials have failed. Raises UsageError and OSError."""
    objective = objectives.load(options.objective)
    try:
        declared = _changed(read(options.experiment.read_bytes()), options)
        result = _simulated(declared, objective, options)
    except InvalidExperiment as error:
        problems = "".join(f"\n  {each}" for each in error.problems)
        raise UsageError(f"{options.experiment} cannot be run:{problems}") from error
    written = {"text": report.summary, "json": report.as_json, "csv": report.as_csv}[options.format](result)
    sys.stdout.write(written.rstrip("\n") + "\n")
    # After what was measured is out, which a picture that can't be written must not take along.
    if options.plot is not None:
        options.plot.write_text(report.as_svg(result))
    return 0 if result.ending.succeeded else FAILED


def _changed(declared: Declared, options: argparse.Namespace) -> Declared:
    experiment = declared.experiment
    settings = dict(experiment.settings)
    if options.random_state is not None:
        settings["random_state"] = str(options.random_state)
    changed = replace(
        experiment,
        algorithm=options.algorithm or experiment.algorithm,
        max_trials=options.max_trials or experiment.max_trials,
        parallel_trials=options.parallel_trials or experiment.parallel_trials,
        settings=settings,
    )
    return replace(declared, experiment=changed)


def _simulated(declared: Declared, objective: objectives.Objective, options: argparse.Namespace) -> Result:
    def tell(trial: report.SimulatedTrial) -> None:
        if options.format == "text":
            sys.stdout.write(report.line(declared.experiment.metric, trial) + "\n")
            sys.stdout.flush()

    if options.address is None:
        return simulate(declared, objective, service.suggest, tell)
    # gRPC only for those who ask over it.
    from katib_suggestions.rpc.client import ServiceError, SuggestionClient

    with SuggestionClient(options.address) as client:

        def ask(experiment: Experiment, trials: Sequence[Trial], count: int) -> list[dict[str, str]]:
            return client.suggest(experiment, trials, count)

        try:
            return simulate(declared, objective, ask, tell)
        except ServiceError as error:
            raise UsageError(str(error)) from error


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)
