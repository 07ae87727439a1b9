"""`python -m katib_suggestions early-stopping`: median stopping beside a suggestion service."""

import argparse
from functools import partial
from pathlib import Path

from katib_suggestions.rpc.early_stopping_service import EarlyStoppingService
from katib_suggestions.rpc.server import Served
from katib_suggestions.rpc.service_account import DIRECTORY, ServiceAccount
from katib_suggestions.rpc.services import EARLY_STOPPING
from katib_suggestions.rpc.serving_options import add_serving_arguments, run_server

PORT = 6788
# They wait for the Kubernetes API, each for one trial.
WORKERS = 8
# Katib has no probes for it; this is for those of others.
PROBE = "manager.v1beta1.EarlyStopping"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_serving_arguments(parser, PORT, WORKERS)
    parser.add_argument(
        "--service-account",
        type=Path,
        default=DIRECTORY,
        metavar="DIRECTORY",
        help="where namespace, token and ca.crt of the account are that may change trials; default: as in every pod",
    )


def run(options: argparse.Namespace) -> int:
    account = partial(ServiceAccount.of_pod, directory=options.service_account)
    return run_server(
        options, lambda workers: Served(EARLY_STOPPING, PROBE, EarlyStoppingService(workers, account=account).answers)
    )
