"""Bayesian search over gRPC: probes are answered while a model is fitted, and a restart changes nothing."""

import random
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from katib_suggestions.rpc.client import SuggestionClient
from tests.conftest import PATIENCE
from tests.katib_suggestions.rpc.experiments import experiment, finished
from tests.katib_suggestions.rpc.server_process import SERVING, ServerProcess, probe

PROBE = "manager.v1beta1.Suggestion"
STUDY = experiment(algorithm="bayesianoptimization", settings={"random_state": "11"})


def test_probes_are_answered_while_a_model_is_fitted(tmp_path: Path) -> None:
    """Katib takes a service whose probe is late for one that is not ready, and asks it nothing."""
    chance = random.Random(1)
    points = [
        {
            "lr": repr(10 ** chance.uniform(-4, -1)),
            "momentum": repr(chance.uniform(0.5, 0.99)),
            "layers": str(chance.randint(1, 8)),
            "batch": chance.choice(("16", "32", "64")),
            "optimizer": chance.choice(("sgd", "adam")),
        }
        for _ in range(400)
    ]
    with (
        ServerProcess("suggestion", tmp_path) as server,
        SuggestionClient(server.address, 3 * PATIENCE) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        call = pool.submit(client.suggest, STUDY, finished(points), 10, 410)
        answered = 0
        while not call.done():
            assert probe(server.address, PROBE) == SERVING
            answered += 1
        assert len(call.result()) == 10
    # A probe that waits for the fit would be the only one before its end.
    assert answered > 2


def test_a_killed_server_goes_on_with_the_same_points(tmp_path: Path) -> None:
    def run(server: ServerProcess, client: SuggestionClient, killed_after: int | None) -> list[dict[str, str]]:
        points: list[dict[str, str]] = []
        for step in range(6):
            points += client.suggest(STUDY, finished(points), 3, len(points) + 3)
            if step == killed_after:
                server.send(signal.SIGKILL)
                server.wait()
                server.start()
                client.validate(STUDY)
        return points

    with ServerProcess("suggestion", tmp_path) as server, SuggestionClient(server.address, 3 * PATIENCE) as client:
        without = run(server, client, None)
        assert run(server, client, 3) == without
        assert len({tuple(sorted(each.items())) for each in without}) == 18
