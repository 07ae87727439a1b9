"""Whole runs of a real launcher on nas:// directories, one for each way a training can go."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kfp_components.easymaker.launcher.conftest import Training

ECHO = """
import json, os, sys
print(json.dumps({"argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd()}))
open(os.path.join(os.environ["EM_MODEL_DIR"], "model.bin"), "w").write("model")
"""


def test_a_good_training_brings_its_results_home(training: Training) -> None:
    training.file("data/a/train.csv", "x,y\n1,2\n")
    training.file("old/cp-1", "weights")
    training.source(
        """
import os, pathlib
data = pathlib.Path(os.environ["EM_DATASET_TRAIN"], "a", "train.csv").read_text()
start = pathlib.Path(os.environ["EM_CHECKPOINT_INPUT_DIR"], "cp-1").read_text()
pathlib.Path(os.environ["EM_MODEL_DIR"], "model.bin").write_text(data + start)
pathlib.Path(os.environ["EM_CHECKPOINT_DIR"], "cp-2").write_text("newer")
pathlib.Path(os.environ["EM_TENSORBOARD_LOG_DIR"], "events").write_text("scalars")
"""
    )
    ended = training.run(
        datasets=(("train", "nas://vol:/data"),),
        checkpoint_input_uri="nas://vol:/old",
        checkpoint_upload_uri="nas://vol:/out/checkpoint",
        tensorboard_upload_uri="nas://vol:/out/tb",
    )
    assert (ended.exit_code, ended.last_line) == (0, "The training ended well."), ended.stderr
    assert (training.model / "model.bin").read_text() == "x,y\n1,2\nweights"
    assert (training.nas / "out" / "checkpoint" / "cp-2").read_text() == "newer"
    assert (training.nas / "out" / "tb" / "events").read_text() == "scalars"
    status = ended.status
    assert (status["phase"], status["result"], status["exit_code"]) == ("DONE", "SUCCESS", 0)
    assert status["entry_point_exit_code"] == 0
    assert status["seconds"].keys() == {"PREPARING", "RUNNING", "UPLOADING"}
    assert status["started_at"] <= status["finished_at"]
    kept = {path.name for path in (training.root / "work").iterdir()}
    assert kept == {"launcher.lock"}, "inputs and uploaded results are not kept twice"


def test_results_that_go_nowhere_else_stay_in_the_work_directory(training: Training) -> None:
    training.source(ECHO)
    logs = training.root / "logs" / "tb"
    ended = training.run(model_upload_uri=None, tensorboard_dir=logs)
    assert ended.exit_code == 0
    assert (training.root / "work" / "model" / "model.bin").read_text() == "model"
    assert logs.is_dir()
    assert json.loads(ended.stdout)["env"]["EM_TENSORBOARD_LOG_DIR"] == str(logs)


def test_arguments_and_variables_arrive_as_they_were_entered(training: Training) -> None:
    training.source(ECHO)
    hyperparameters = (
        ("한글", "값 😀"), ("--x", "a"), ("a b", "c\td"), ("line\nbreak", "1\n2"), ("$(touch x)", "$(touch x); `id`"),
        ("empty", ""), ("lr", "-0.1"),
    )  # fmt: skip
    ended = training.run(hyperparameters=hyperparameters)
    assert ended.exit_code == 0, ended.stderr
    seen = json.loads(ended.stdout)
    assert seen["argv"][1:] == [part for key, value in hyperparameters for part in (f"--{key}", value)]
    assert seen["env"]["EM_HP_한글"] == "값 😀"
    assert json.loads(seen["env"]["EM_HPS"]) == dict(hyperparameters)
    assert seen["cwd"] == seen["env"]["EM_SOURCE_DIR"]
    assert not list(training.root.rglob("x")), "nothing was run by a shell"


def test_a_hundred_long_hyperparameters_start(training: Training) -> None:
    training.source("import sys; print(len(sys.argv), sum(map(len, sys.argv[1:])))")
    many = tuple((f"k{number:02}" + "x" * 250, "😀" * 1000) for number in range(100))
    ended = training.run(hyperparameters=many)
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout.split() == [b"201", b"125500"]
    assert "warning: EM_HPS is left out" in ended.stderr


def test_user_code_sees_no_credential(training: Training) -> None:
    training.source(ECHO)
    secrets = {
        "EASYMAKER_OBS_TOKEN_FILE": "/canary/token",
        "EM_TOKEN": "canary",
        "AWS_SECRET_ACCESS_KEY": "canary",
        "HTTPS_PROXY": "http://u:canary@127.0.0.1:9",
    }
    ended = training.run(environ=secrets, extra_env=("*",))
    assert ended.exit_code == 0, ended.stderr
    seen = json.loads(ended.stdout)["env"]
    assert not secrets.keys() & seen.keys()
    assert "EASYMAKER_NAS_ROOT" not in seen
    assert "canary" not in ended.stdout.decode() + ended.stderr


def test_a_training_that_exits_3_fails_with_that_number_and_keeps_its_checkpoints(training: Training) -> None:
    training.source(
        ECHO + "open(os.path.join(os.environ['EM_CHECKPOINT_DIR'], 'cp'), 'w').write('kept')\nsys.exit(3)\n"
    )
    ended = training.run(checkpoint_upload_uri="nas://vol:/out/checkpoint")
    assert ended.exit_code == 83
    assert ended.last_line == ended.status["reason"] == "The entry point ended with exit code 3."
    assert ended.status["entry_point_exit_code"] == 3
    assert (training.nas / "out" / "checkpoint" / "cp").read_text() == "kept"
    assert not training.model.exists(), "a failed training has no model"


def test_a_training_ended_by_a_signal_says_so_in_the_guides_words(training: Training) -> None:
    training.source("import os; print(os.getpid(), flush=True); os.kill(os.getpid(), 9)")
    ended = training.run()
    pid = ended.stdout.decode().strip()
    assert ended.exit_code == 83
    assert f"exit code : -9 (pid: {pid})" in ended.stderr
    assert ended.last_line == (
        "The entry point was ended by signal 9 (SIGKILL), which often means that memory ran out: "
        f"exit code : -9 (pid: {pid})"
    )
    assert ended.status["entry_point_exit_code"] == -9


def test_a_signal_within_a_shell_script_is_recognised(training: Training) -> None:
    training.source("python -c 'import os; os.kill(os.getpid(), 9)'", "train.sh")
    ended = training.run(entry_point="train.sh")
    assert ended.last_line == "The entry point ended with exit code 137 (a process within it was ended by SIGKILL)."


def test_binary_output_goes_through_untouched(training: Training) -> None:
    training.source("import sys; sys.stdout.buffer.write(bytes(range(256)) * 100)")
    ended = training.run()
    assert ended.exit_code == 0
    assert ended.stdout == bytes(range(256)) * 100


def test_a_training_that_saves_no_model_completes_with_a_warning(training: Training) -> None:
    training.source("pass")
    ended = training.run()
    assert ended.exit_code == 0
    assert "warning: EM_MODEL_DIR is empty" in ended.stderr
    assert not training.model.exists()


def test_a_shell_script_finds_the_python_of_its_environment(training: Training) -> None:
    training.source("python -c 'import sys; print(sys.executable)'; echo \"$1=$2 in $(basename $PWD)\"", "train.sh")
    ended = training.run(entry_point="train.sh", hyperparameters=(("a", "b"),))
    assert ended.stdout.decode().splitlines() == [sys.executable, "--a=b in source"]


def test_an_entry_point_in_a_sub_directory_runs_in_the_source_directory(training: Training) -> None:
    training.source(ECHO, "deep/er/train.py")
    ended = training.run(entry_point="deep/er/train.py")
    assert json.loads(ended.stdout)["cwd"] == str(training.root / "work" / "source")


@pytest.mark.parametrize("name", ["missing.py", "directory", "train.py/x"])
def test_a_missing_entry_point_fails_before_the_data_is_downloaded(training: Training, name: str) -> None:
    training.source("pass")
    training.source("pass", "directory/other.py")
    ended = training.run(entry_point=name, datasets=(("d", "nas://vol:/nowhere"),))
    assert ended.exit_code == 81
    assert ended.last_line == f"The entry point {name!r} does not exist in the algorithm path."
    assert ended.status["phase"] == "DONE"


def test_an_entry_point_outside_the_source_is_refused_when_the_spec_is_read(training: Training) -> None:
    spec = json.loads(training.spec().to_json()) | {"entry_point": "../x.py"}
    file = training.root / "spec.json"
    file.write_text(json.dumps(spec))
    argv = [sys.executable, "-m", "kfp_components.easymaker.launcher", str(file)]
    ended = subprocess.run(argv, env=training.environ, capture_output=True, text=True)
    assert ended.returncode == 78
    assert ended.stderr == ("The launcher's spec cannot be used: entry_point: must lie inside the algorithm path\n"), (
        "one sentence, no traceback"
    )


@pytest.mark.parametrize("arguments", [[], ["/nowhere.json"], ["a", "b"]])
def test_a_launcher_without_a_spec_says_what_it_wants(training: Training, arguments: list[str]) -> None:
    argv = [sys.executable, "-m", "kfp_components.easymaker.launcher", *arguments]
    ended = subprocess.run(argv, env=training.environ, capture_output=True, text=True)
    assert ended.returncode == 78
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"source_dir_uri": "nas://vol:/nowhere"}, "the algorithm could not be downloaded: "),
        ({"datasets": (("train", "nas://vol:/nowhere"),)}, "the data set 'train' could not be downloaded: "),
        ({"checkpoint_input_uri": "nas://vol:/nowhere"}, "the input checkpoint could not be downloaded: "),
    ],
)
def test_an_input_that_is_not_there_is_named(training: Training, changes: dict[str, object], says: str) -> None:
    training.source(ECHO)
    ended = training.run(**changes)
    assert ended.exit_code == 80
    assert says in ended.last_line
    assert "nas://vol:/nowhere" in ended.last_line
    assert ended.stdout == b"", "the entry point must not start"


def test_a_model_that_cannot_be_stored_is_not_a_failure_of_the_training(training: Training) -> None:
    training.source(ECHO)
    training.file("out/model", "a file where the directory should be")
    ended = training.run()
    assert ended.exit_code == 85
    assert "the model could not be uploaded to nas://vol:/out/model" in ended.last_line
    assert ended.status["entry_point_exit_code"] == 0
    assert (training.root / "work" / "model" / "model.bin").exists(), "what could not be uploaded is kept"


def test_a_file_that_nothing_can_start_is_refused(training: Training) -> None:
    training.source("hello", "notes.txt")
    ended = training.run(entry_point="notes.txt")
    assert ended.exit_code == 81
    assert "it must be a Python file (.py), a shell script (.sh) or a program (#! or ELF)" in ended.last_line


def test_a_program_of_another_language_runs_though_storage_keeps_no_permissions(training: Training) -> None:
    training.source("#!/bin/sh\necho $1 $2\n", "tool")
    ended = training.run(entry_point="tool", hyperparameters=(("a", "b"),))
    assert (ended.exit_code, ended.stdout) == (0, b"--a b\n"), ended.stderr


def test_a_link_out_of_the_model_directory_is_not_followed(training: Training) -> None:
    secret = training.root / "secret"
    secret.write_text("canary")
    training.source(ECHO + f"os.symlink({str(secret)!r}, os.environ['EM_MODEL_DIR'] + '/stolen')")
    ended = training.run()
    assert ended.exit_code == 0
    assert [path.name for path in training.model.iterdir()] == ["model.bin"]
    assert "cannot be uploaded (a link that leads out?): stolen" in ended.stderr


def test_a_model_directory_swapped_for_a_link_holds_no_model(training: Training) -> None:
    (training.root / "elsewhere").mkdir()
    (training.root / "elsewhere" / "secret").write_text("canary")
    training.source(
        f"import os; os.rmdir(os.environ['EM_MODEL_DIR']); "
        f"os.symlink({str(training.root / 'elsewhere')!r}, os.environ['EM_MODEL_DIR'])"
    )
    ended = training.run()
    assert ended.exit_code == 0
    assert not training.model.exists()
    assert "EM_MODEL_DIR is empty" in ended.stderr


def test_an_interpreter_that_is_not_there_is_said(training: Training) -> None:
    training.source(ECHO)
    ended = training.run(python=Path("/nowhere/bin/python"))
    assert ended.exit_code == 81
    assert ended.last_line == "The entry point 'train.py' could not be started: No such file or directory."


def test_a_name_cannot_forge_a_line_in_the_log(training: Training) -> None:
    training.source(ECHO)
    ended = training.run(datasets=(("a\nThe training ended well.\x1b[31m", "nas://vol:/nowhere"),))
    assert "\x1b" not in ended.stderr
    assert "The training ended well." not in ended.stderr.splitlines()
