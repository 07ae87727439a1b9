"""The early-stopping server as a process, reading logs over gRPC; and how servers behave while they wait and end."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from katib_suggestions.early_stopping.rules import Comparison, StoppingRule
from katib_suggestions.rpc.client import EarlyStoppingClient, ServiceFault, ServiceUnavailable
from katib_suggestions.search_space import InvalidExperiment
from katib_suggestions.trial import Trial, TrialCondition
from tests.conftest import PATIENCE, wait_for
from tests.katib_suggestions.rpc.experiments import experiment
from tests.katib_suggestions.rpc.observation_store import ObservationStore
from tests.katib_suggestions.rpc.server_process import SERVING, ServerProcess, probe

POINT = {"lr": "0.01", "momentum": "0.9", "layers": "3", "batch": "16", "optimizer": "sgd"}
STUDY = experiment(early_stopping="medianstop", early_stopping_settings={"start_step": "4"})


def trials(*names: str, condition: TrialCondition = TrialCondition.SUCCEEDED) -> list[Trial]:
    return [Trial(name, POINT, condition) for name in names]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObservationStore]:
    with ObservationStore(tmp_path / "store") as store:
        yield store


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess("early-stopping", tmp_path_factory.mktemp("server"), ("--metrics-port", "0")) as server:
        yield server


@pytest.fixture
def client(server: ServerProcess) -> Iterator[EarlyStoppingClient]:
    with EarlyStoppingClient(server.address, PATIENCE) as client:
        yield client


def test_the_median_of_what_trials_averaged(client: EarlyStoppingClient, store: ObservationStore) -> None:
    store.logs = {
        "a": ["0.25"] * 4 + ["9"] * 90,
        "b": ["unavailable", "0.2", "nan", "0.2"],
        "c": ["0.3"],
        "d": ["10"] * 4,
    }
    (rule,) = client.rules(STUDY, trials(*"abcd"), store.address)
    assert rule == StoppingRule("accuracy", pytest.approx(0.275), Comparison.LESS, 4)


def test_trials_stopped_early_count_and_unfinished_or_foreign_ones_do_not(
    client: EarlyStoppingClient, store: ObservationStore
) -> None:
    store.logs = {"a": ["1"], "b": ["2"], "c": ["3"]}
    others = [replace(trials("foreign")[0], assignments={"alien": "1"}), *trials("r", condition=TrialCondition.RUNNING)]
    assert client.rules(STUDY, [*trials("a", "b"), *others], store.address) == []
    stopped = trials("c", condition=TrialCondition.EARLY_STOPPED)
    (rule,) = client.rules(STUDY, [*trials("a", "b"), *stopped, *others], store.address)
    assert rule.value == 2
    assert {"foreign", "r"} & set(store.reads) == set()


def test_empty_and_unavailable_logs_are_passed_over(client: EarlyStoppingClient, store: ObservationStore) -> None:
    """Katib's own service divides by zero, which stops the whole experiment."""
    store.logs = {"a": ["1"], "b": [], "c": ["unavailable"], "d": ["2"]}
    assert client.rules(STUDY, trials(*"abcd"), store.address) == []
    store.logs |= {"e": ["3"]}
    (rule,) = client.rules(STUDY, trials(*"abcde"), store.address)
    assert rule.value == 2


def test_a_store_that_fails_for_a_while_is_asked_again(client: EarlyStoppingClient, store: ObservationStore) -> None:
    store.logs = {name: ["1"] for name in "abc"}
    store.failures = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN]
    (rule,) = client.rules(STUDY, trials(*"abc"), store.address)
    assert rule.value == 1


def test_a_store_that_is_away_or_refuses_is_told_as_not_available(
    server: ServerProcess, client: EarlyStoppingClient, store: ObservationStore, tmp_path: Path
) -> None:
    store.failures = [grpc.StatusCode.PERMISSION_DENIED]
    with pytest.raises(ServiceUnavailable, match="PERMISSION_DENIED"):
        client.rules(STUDY, trials(*"abc"), store.address)
    with EarlyStoppingClient(server.address, 3) as hasty, pytest.raises(ServiceUnavailable, match="DB manager"):
        hasty.rules(STUDY, trials(*"abc"), f"unix:{tmp_path}/nobody")
    with pytest.raises(InvalidExperiment, match="is no address"):
        client.rules(STUDY, trials(*"abc"), "a b c")


def test_what_was_read_once_is_not_read_again(client: EarlyStoppingClient, store: ObservationStore) -> None:
    store.logs = {name: ["1"] for name in "abcd"}
    client.rules(STUDY, trials(*"abc"), store.address)
    client.rules(STUDY, trials(*"abcd"), store.address)
    assert sorted(store.reads) == ["a", "b", "c", "d"]


def test_many_trials_are_read_side_by_side(client: EarlyStoppingClient, store: ObservationStore) -> None:
    names = [f"t{number}" for number in range(1000)]
    store.logs = {name: [str(number)] * 4 for number, name in enumerate(names)}
    (rule,) = client.rules(STUDY, trials(*names), store.address)
    assert rule.value == 499.5


def test_wrong_settings_are_refused_by_name_and_nothing_can_be_set_outside_a_cluster(
    client: EarlyStoppingClient,
) -> None:
    client.validate(STUDY)
    for wrong in (replace(STUDY, early_stopping_settings={"start_step": "0"}), replace(STUDY, early_stopping="other")):
        with pytest.raises(InvalidExperiment):
            client.validate(wrong)
    with pytest.raises(ServiceFault, match="service account"):
        client.set_early_stopped("trial")


def test_an_experiment_without_early_stopping_is_refused(client: EarlyStoppingClient) -> None:
    with pytest.raises(InvalidExperiment, match="medianstop"):
        client.rules(experiment(), [], "unix:/nowhere")


@pytest.fixture
def waiting(client: EarlyStoppingClient, store: ObservationStore) -> Iterator["Future[list[StoppingRule]]"]:
    """A call whose answer waits for the store."""
    store.logs = {name: ["1"] for name in "abc"}
    store.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.rules, STUDY, trials(*"abc"), store.address)
        assert store.asked.wait(PATIENCE)
        yield call
        store.may_answer.set()


def test_probes_and_calls_are_answered_while_another_call_waits(
    server: ServerProcess, client: EarlyStoppingClient, waiting: "Future[list[StoppingRule]]", store: ObservationStore
) -> None:
    assert probe(server.address, "") == SERVING
    client.validate(STUDY)
    assert not waiting.done()
    store.may_answer.set()
    assert waiting.result(PATIENCE)[0].value == 1


def test_a_caller_that_hangs_up_is_told_in_the_log(server: ServerProcess, store: ObservationStore) -> None:
    store.may_answer.clear()
    before = len(server.events("refused"))
    with EarlyStoppingClient(server.address, 2) as hasty, pytest.raises(ServiceUnavailable):
        hasty.rules(STUDY, trials(*"abc"), store.address)
    wait_for(lambda: len(server.events("refused")) > before, PATIENCE, "the call is in the log")
    assert server.events("refused")[-1]["code"] in ("CANCELLED", "UNAVAILABLE")
    assert probe(server.address, "") == SERVING


def test_at_the_end_what_was_begun_is_finished_and_nothing_new_is_taken(
    tmp_path: Path, store: ObservationStore
) -> None:
    store.logs = {name: ["1"] for name in "abc"}
    store.may_answer.clear()
    answers: list[StoppingRule] = []
    with (
        ServerProcess("early-stopping", tmp_path) as server,
        EarlyStoppingClient(server.address, PATIENCE) as client,
    ):
        caller = threading.Thread(
            target=lambda: answers.extend(client.rules(STUDY, trials(*"abc"), store.address)), daemon=True
        )
        caller.start()
        assert store.asked.wait(PATIENCE)
        server.send(signal.SIGTERM)
        wait_for(lambda: server.events("ending"), PATIENCE, "the server has begun to end")
        with EarlyStoppingClient(server.address, 5) as late, pytest.raises(ServiceUnavailable):
            late.rules(STUDY, [], "unix:/nowhere")
        store.may_answer.set()
        caller.join(PATIENCE)
        assert [each.value for each in answers] == [1]
        assert server.wait() == 0
        assert server.events("ended")
