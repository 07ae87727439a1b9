"""`python -m katib_suggestions early-stopping`: median stopping beside a suggestion service."""

import argparse

from katib_suggestions.rpc.early_stopping_service import EarlyStoppingService
from katib_suggestions.rpc.server import Served
from katib_suggestions.rpc.services import EARLY_STOPPING
from katib_suggestions.rpc.serving_options import add_serving_arguments, run_server

PORT = 6788
# They wait for the Kubernetes API, each for one trial.
WORKERS = 8
# Katib has no probes for it; this is for those of others.
PROBE = "manager.v1beta1.EarlyStopping"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_serving_arguments(parser, PORT, WORKERS)


def run(options: argparse.Namespace) -> int:
    return run_server(options, lambda workers: Served(EARLY_STOPPING, PROBE, EarlyStoppingService(workers).answers))
