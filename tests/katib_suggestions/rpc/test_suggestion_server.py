"""The suggestion server as a process: what Katib's controller, the kubelet and Prometheus see of it."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from katib_suggestions.experiment import Parameter, ParameterType
from katib_suggestions.rpc.client import ServiceUnavailable, SuggestionClient
from katib_suggestions.search_space import InvalidExperiment
from katib_suggestions.trial import Trial, TrialCondition
from tests.conftest import PATIENCE, wait_for
from tests.katib_suggestions.rpc.experiments import experiment, finished
from tests.katib_suggestions.rpc.server_process import SERVING, ServerProcess, probe

PROBE = "manager.v1beta1.Suggestion"
GET = "/api.v1.beta1.Suggestion/GetSuggestions"
VALIDATE = "/api.v1.beta1.Suggestion/ValidateAlgorithmSettings"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    arguments = ("--metrics-port", "0", "--alias", "our-search=grid")
    with ServerProcess("suggestion", tmp_path_factory.mktemp("server"), arguments) as server:
        yield server


@pytest.fixture
def client(server: ServerProcess) -> Iterator[SuggestionClient]:
    with SuggestionClient(server.address, PATIENCE) as client:
        yield client


def raw(address: str, path: str, body: bytes) -> tuple[grpc.StatusCode, str]:
    """Status of a call with these bytes."""
    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary(path)(body, timeout=PATIENCE)
        except grpc.RpcError as error:
            return error.code(), error.details()
    return grpc.StatusCode.OK, ""


def test_probes_of_katib_are_answered_and_others_are_not_known(server: ServerProcess) -> None:
    assert [probe(server.address, name) for name in (PROBE, "")] == [SERVING, SERVING]
    for name in ("manager.v1beta1.EarlyStopping", "api.v1.beta1.DBManager", "nonsense"):
        with pytest.raises(grpc.RpcError) as caught:
            probe(server.address, name)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_reflection_names_the_services(server: ServerProcess) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    with grpc.insecure_channel(server.address) as channel:
        (answer,) = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([request]))
    names = {each.name for each in answer.list_services_response.service}
    assert names == {
        "api.v1.beta1.Suggestion",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


def test_exactly_as_many_points_as_asked_for_none_twice(client: SuggestionClient) -> None:
    points = client.suggest(experiment(), [], 20)
    assert len({tuple(sorted(each.items())) for each in points}) == 20


def test_the_same_call_has_the_same_answer(client: SuggestionClient) -> None:
    """A lost reply is asked for again, and must not use up points."""
    trials = finished(client.suggest(experiment(), [], 5))
    assert client.suggest(experiment(), trials, 3, 8) == client.suggest(experiment(), trials[::-1], 3, 8)


def test_every_problem_is_told_at_once(client: SuggestionClient) -> None:
    wrong = (
        Parameter("lr", ParameterType.DOUBLE, min="high", max="0.1"),
        Parameter("layers", ParameterType.INT, min="8", max="1"),
    )
    with pytest.raises(InvalidExperiment) as caught:
        client.validate(experiment(parameters=wrong, settings={"mystery": "1"}))
    assert all(name in str(caught.value) for name in ("lr", "layers", "mystery"))


def test_more_problems_than_fit_into_a_status_are_cut_and_counted(client: SuggestionClient) -> None:
    """A status beyond 8 KB would arrive as a broken connection, and the user would see no reason."""
    wrong = tuple(Parameter(f"학습률-{n}", ParameterType.DOUBLE, min="높음", max="1") for n in range(500))
    with pytest.raises(InvalidExperiment) as caught:
        client.validate(experiment(parameters=wrong))
    assert "학습률-0" in str(caught.value)
    assert caught.value.problems[-1].endswith("more")


@pytest.mark.parametrize("path", [GET, VALIDATE])
@pytest.mark.parametrize("body", [b"", b"\x0a\x00", b"\x0a\x05\x0a\x03abc"], ids=["nothing", "empty", "name alone"])
def test_an_empty_experiment_is_refused_with_reasons(server: ServerProcess, path: str, body: bytes) -> None:
    code, details = raw(server.address, path, body)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "algorithm" in details or "objective" in details


@pytest.mark.parametrize("path", [GET, VALIDATE])
def test_no_bytes_make_the_server_say_unknown(server: ServerProcess, path: str) -> None:
    """Katib takes UNKNOWN for an experiment that is not valid."""
    for body in (b"\xff\xff\xff", os.urandom(1000), b"\x0a" + b"\x80" * 20):
        code, _ = raw(server.address, path, body)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert probe(server.address, PROBE) == SERVING


@pytest.mark.parametrize("count", [-1, 2**31 - 1])
def test_numbers_of_points_that_make_no_sense_are_refused(client: SuggestionClient, count: int) -> None:
    with pytest.raises(InvalidExperiment, match="points"):
        client.suggest(experiment(), [], count)


def test_values_that_are_no_numbers_do_no_harm(client: SuggestionClient) -> None:
    (point,) = client.suggest(experiment(), [], 1)
    trials = [
        Trial(f"t{n}", point, TrialCondition.SUCCEEDED, {"accuracy": value})
        for n, value in enumerate(("unavailable", "nan", "inf", "-inf", "", "1e999"))
    ]
    foreign = Trial("foreign", {"somebody": "else's"}, TrialCondition.SUCCEEDED, {"accuracy": "1"})
    assert point not in client.suggest(experiment(), [*trials, foreign], 3)


def test_an_alias_is_served_as_what_it_stands_for(client: SuggestionClient) -> None:
    small = experiment(parameters=(Parameter("n", ParameterType.INT, min="1", max="4"),), max_trials=4)
    named = [client.suggest(replace(small, algorithm=name), [], 4) for name in ("grid", "our-search")]
    assert named[0] == named[1]
    with pytest.raises(InvalidExperiment, match="your-search"):
        client.validate(replace(small, algorithm="your-search"))


def test_ten_thousand_trials_are_answered(client: SuggestionClient) -> None:
    """They are larger than what gRPC receives by default."""
    points = [
        {"lr": f"0.0{n + 1:06d}", "momentum": "0.9", "layers": "3", "batch": "16", "optimizer": "sgd"}
        for n in range(10_000)
    ]
    trials = [replace(each, labels={"note": "x" * 300}) for each in finished(points)]
    assert len(client.suggest(experiment(), trials, 2, 10_002)) == 2


def test_metrics_tell_methods_outcomes_trials_and_algorithms(server: ServerProcess, client: SuggestionClient) -> None:
    def count(name: str, **labels: str) -> float:
        wanted = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        return server.metrics().get(f"katib_suggestions_{name}{{{wanted}}}", 0)

    get = {"method": "GetSuggestions", "algorithm": "random"}
    before = count("requests_total", code="OK", **get), count("points_total", algorithm="random")
    client.suggest(experiment(), [], 4)
    assert (count("requests_total", code="OK", **get), count("points_total", algorithm="random")) == (
        before[0] + 1,
        before[1] + 4,
    )
    with pytest.raises(InvalidExperiment):
        client.validate(experiment(algorithm="made-up-name"))
    refused = {"method": "ValidateAlgorithmSettings", "code": "INVALID_ARGUMENT"}
    assert count("requests_total", algorithm="unknown", **refused) >= 1
    assert not any("made-up-name" in name for name in server.metrics())


def test_one_line_is_logged_for_each_call(server: ServerProcess, client: SuggestionClient) -> None:
    before = len(server.logged())
    client.suggest(experiment(name="logged"), finished(client.suggest(experiment(name="logged"), [], 2)), 1)
    wait_for(lambda: len(server.logged()) >= before + 2, PATIENCE, "both calls are logged")
    line = server.logged()[-1]
    assert (line["experiment"], line["trials"], line["points"], line["code"]) == ("logged", 2, 1, "OK")


def test_a_caller_that_hangs_up_does_not_disturb_others(server: ServerProcess, client: SuggestionClient) -> None:
    points = client.suggest(experiment(), [], 300)
    with SuggestionClient(server.address, 0.001) as hasty:
        for _ in range(20):
            with pytest.raises(ServiceUnavailable):
                hasty.suggest(experiment(), finished(points) * 20, 50)
    assert len(client.suggest(experiment(), [], 3)) == 3
    assert probe(server.address, PROBE) == SERVING


def test_work_that_nobody_waits_for_any_more_ends(server: ServerProcess, client: SuggestionClient) -> None:
    """More points than a model gives in an hour, asked for by more callers than there are threads; all go away."""
    asked = experiment(algorithm="bayesianoptimization")
    trials = finished(client.suggest(asked, [], 20))
    with SuggestionClient(server.address, 2) as hasty:
        for _ in range(4):
            with pytest.raises(ServiceUnavailable):
                hasty.suggest(asked, trials, 100_000)
    assert len(client.suggest(experiment(), [], 1)) == 1


def test_a_killed_server_that_comes_back_goes_on_where_the_experiment_was(tmp_path: Path) -> None:
    """Also over the same client, and with the socket of the old one left behind."""
    study = experiment(settings={"random_state": "7"})

    def run(server: ServerProcess, client: SuggestionClient, killed_after: int | None) -> list[dict[str, str]]:
        points: list[dict[str, str]] = []
        for step in range(6):
            points += client.suggest(study, finished(points), 3, len(points) + 3)
            if step == killed_after:
                server.send(signal.SIGKILL)
                assert server.wait() == -signal.SIGKILL
                server.start()
                client.validate(study)
        return points

    with ServerProcess("suggestion", tmp_path) as server, SuggestionClient(server.address, PATIENCE) as client:
        without = run(server, client, None)
        assert run(server, client, 2) == without
        assert len({tuple(sorted(each.items())) for each in without}) == 18


def test_a_call_to_a_server_that_is_away_says_so(tmp_path: Path) -> None:
    with SuggestionClient(f"unix:{tmp_path}/nobody", PATIENCE) as client, pytest.raises(ServiceUnavailable):
        client.suggest(experiment(), [], 1)


def test_an_idle_server_has_loaded_nothing_that_only_bayesian_search_needs(tmp_path: Path) -> None:
    """Katib's default limit is 100 MiB; numpy would be there for nothing."""
    with ServerProcess("suggestion", tmp_path) as server, SuggestionClient(server.address, PATIENCE) as client:
        client.suggest(experiment(), [], 3)
        assert server.process is not None
        maps = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert "numpy" not in maps
        # Half of it is in the libraries that processes share.
        assert server.status("VmRSS") < 80 * 1024
