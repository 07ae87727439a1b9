"""The launcher's command line: what it takes, and that a mistake is told in a sentence with the usage."""

from pathlib import Path

import pytest

from kfp_components.easymaker.launcher.arguments import USAGE, Arguments, parse_arguments
from kfp_components.easymaker.launcher.spec import SpecError
from tests.kfp_components.easymaker.launcher.conftest import Training


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["a.json"], Arguments(Path("a.json"))),
        (["a.json", "--node-rank", "3"], Arguments(Path("a.json"), 3)),
        (["--node-rank=0", "a.json"], Arguments(Path("a.json"), 0)),
    ],
)
def test_the_spec_and_the_rank(given: list[str], meant: Arguments) -> None:
    assert parse_arguments(given) == meant


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "no spec file"),
        (["a.json", "b.json"], "more than one spec file"),
        (["a.json", "--node-rank"], "needs a number"),
        (["a.json", "--node-rank", "-1"], "'-1' is no number"),
        (["a.json", "--node-rank", "²"], "is no number"),
        (["a.json", "--node-rank", "1", "--node-rank", "2"], "2 times"),
        (["a.json", "--rank", "1"], "no option '--rank'"),
    ],
)
def test_a_mistake_is_told_with_the_usage(given: list[str], told: str) -> None:
    with pytest.raises(SpecError, match=told) as raised:
        parse_arguments(given)
    assert USAGE in str(raised.value)


def test_a_rank_that_the_pod_did_not_expand_is_told_as_such() -> None:
    with pytest.raises(SpecError, match="was not expanded"):
        parse_arguments(["a.json", "--node-rank", "$(JOB_COMPLETION_INDEX)"])


def test_the_rank_from_the_command_line_must_fit_the_training(training: Training) -> None:
    training.source("print('hello')")
    process = training.start(training.spec(), arguments=("--node-rank", "1"))
    ended = training.wait(process, training.spec())
    assert ended.exit_code == 78
    assert "node_rank: must be from 0 to instance_count - 1" in ended.last_line
