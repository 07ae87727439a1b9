"""Many runs of one spec, as a tuning's trials are: values of their own, places of their own for what comes out."""

from pathlib import Path

import pytest

from kfp_components.easymaker.launcher.arguments import USAGE, Arguments, applied, parse_arguments
from kfp_components.easymaker.launcher.spec import SpecError
from tests.kfp_components.easymaker.launcher.conftest import Training

RUN = "em-1-abcd"


def test_hyperparameters_are_percent_encoded() -> None:
    given = parse_arguments(["a.json", "--hyperparameter", "lr=1e-05", "--hyperparameter=a%20b=x%3D%22%24%28y%29%25"])
    assert given.hyperparameters == (("lr", "1e-05"), ("a b", 'x="$(y)%'))
    assert parse_arguments(["a.json", "--hyperparameter", "empty="]).hyperparameters == (("empty", ""),)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--hyperparameter", "lr"], "not NAME=VALUE"),
        (["--hyperparameter", "=1"], "not NAME=VALUE"),
        (["--hyperparameter", "x=%ff"], "not percent-encoded UTF-8"),
        (["--hyperparameter", "x=1", "--hyperparameter", "%78=2"], "x is given twice"),
        (["--hyperparameter"], "needs NAME=VALUE"),
        (["--run-name", "../x"], "is no name"),
        (["--run-name", "a..b"], "is no name"),
        (["--run-name="], "is no name"),
        (["--run-name", "a", "--run-name", "b"], "2 times"),
    ],
)
def test_what_is_no_run_is_told_with_the_usage(given: list[str], told: str) -> None:
    with pytest.raises(SpecError, match=told) as raised:
        parse_arguments(["a.json", *given])
    assert USAGE in str(raised.value)


def test_a_run_has_its_own_places(training: Training) -> None:
    spec = training.spec(
        checkpoint_upload_uri="nas://vol:/out/checkpoints/",
        tensorboard_dir=training.root / "boards",
        instance_count=2,
        node_addresses=("{run}-node-0-0.{run}:29500", "{run}-node-0-1.{run}:29500"),
        hyperparameters=(("epochs", "3"), ("lr", "1")),
    )
    made = applied(Arguments(Path("a.json"), 1, RUN, (("lr", "0.1"),)), spec)
    assert (made.id, made.name, made.node_rank) == (RUN, f"first {RUN}", 1)
    assert made.model_upload_uri == f"nas://vol:/out/model/{RUN}"
    assert made.checkpoint_upload_uri == f"nas://vol:/out/checkpoints/{RUN}"
    assert made.tensorboard_upload_uri is None
    assert made.tensorboard_dir == training.root / "boards" / RUN
    assert made.node_addresses[1] == f"{RUN}-node-0-1.{RUN}:29500"
    assert dict(made.hyperparameters) == {"epochs": "3", "lr": "0.1"}


def test_two_runs_of_one_spec_do_not_overwrite_each_other(training: Training) -> None:
    training.source(
        "import os, pathlib, sys\n"
        "said = os.environ['EM_HP_WORD'] + ' '.join(sys.argv[1:])\n"
        "pathlib.Path(os.environ['EM_MODEL_DIR'], 'said').write_text(said)\n"
    )
    for run, word in (("run-a", "it%27s"), ("run-b", "%24%28x%29%20y")):
        spec = training.spec(work_dir=training.root / run, status_path=training.root / f"{run}.json")
        process = training.start(spec, arguments=("--run-name", run, "--hyperparameter", f"word={word}"))
        assert training.wait(process, spec).exit_code == 0
    said = {path.parent.name: path.read_text() for path in training.model.glob("*/said")}
    assert said == {"run-a": "it's--word it's", "run-b": "$(x) y--word $(x) y"}
