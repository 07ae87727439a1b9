"""`python -m katib_suggestions suggestion`: every algorithm on one port, by the name that a request has."""

import argparse

from katib_suggestions.algorithms import ALGORITHMS
from katib_suggestions.rpc.server import Served
from katib_suggestions.rpc.services import SUGGESTION
from katib_suggestions.rpc.serving_options import add_serving_arguments, run_server
from katib_suggestions.rpc.suggestion_service import SuggestionService

PORT = 6789
# They calculate, in a pod that has half a core.
WORKERS = 2
# The name that the probes of Katib's controller ask for.
PROBE = "manager.v1beta1.Suggestion"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_serving_arguments(parser, PORT, WORKERS)
    parser.add_argument(
        "--alias",
        action="append",
        type=_alias,
        default=[],
        metavar="NAME=ALGORITHM",
        help="a name of your own for one of our algorithms; may be given more than once",
    )
    parser.add_argument(
        "--algorithms", type=_algorithms, metavar="NAME,NAME", help=f"serve these alone, of {', '.join(ALGORITHMS)}"
    )


def _alias(text: str) -> tuple[str, str]:
    name, _, algorithm = text.partition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=ALGORITHM")
    return name, _algorithm(algorithm)


def _algorithms(text: str) -> frozenset[str]:
    return frozenset(_algorithm(each.strip()) for each in text.split(","))


def _algorithm(name: str) -> str:
    if name not in ALGORITHMS:
        raise argparse.ArgumentTypeError(f"there is no algorithm {name!r}; there are {', '.join(ALGORITHMS)}")
    return name


def run(options: argparse.Namespace) -> int:
    aliases = dict(options.alias)
    return run_server(
        options,
        lambda workers: Served(SUGGESTION, PROBE, SuggestionService(workers, aliases, options.algorithms).answers),
    )
