"""Appendices 3, 4 and 6 of the guide: exactly these variables and arguments, and no secret of the launcher's."""

import json
from pathlib import Path
from typing import Any

import pytest

from kfp_components.easymaker.launcher.command import entry_point_command
from kfp_components.easymaker.launcher.distributed import split_address
from kfp_components.easymaker.launcher.environment import UserEnvironment, installer_environment, user_environment
from kfp_components.easymaker.launcher.exit_codes import LauncherError
from kfp_components.easymaker.launcher.spec import LauncherSpec
from kfp_components.easymaker.launcher.work_paths import WorkPaths

PYTHON = Path("/env/bin/python")


def spec_with(**changes: Any) -> LauncherSpec:
    values: dict[str, Any] = {
        "id": "1",
        "name": "n",
        "appkey": "team-a",
        "region": "kr1",
        "source_dir_uri": "nas://v:/s",
        "entry_point": "train.py",
        "work_dir": Path("/w"),
        "status_path": Path("/s.json"),
    }
    return LauncherSpec(**(values | changes))


def environment(inherited: dict[str, str] | None = None, **changes: Any) -> UserEnvironment:
    spec = spec_with(**changes)
    return user_environment(spec, WorkPaths.of(spec), PYTHON, inherited or {})


def variables(inherited: dict[str, str] | None = None, **changes: Any) -> dict[str, str]:
    return environment(inherited, **changes).variables


def command(entry_point: str = "train.py", executable: bool = False, **changes: Any) -> list[str]:
    spec = spec_with(entry_point=entry_point, **changes)
    return entry_point_command(spec, PYTHON, Path("/w/source") / entry_point, executable=executable)


def test_every_variable_of_appendix_4_is_there() -> None:
    env = variables(
        hyperparameters=(("epochs", "3"), ("model_version", "v1")),
        datasets=(("train", "nas://v:/d"), ("test", "nas://v:/t")),
        checkpoint_input_uri="nas://v:/c",
        tensorboard_dir=Path("/logs/tb"),
    )
    assert {name: value for name, value in env.items() if name.startswith("EM_")} == {
        "EM_SOURCE_DIR": "/w/source",
        "EM_ENTRY_POINT": "train.py",
        "EM_DATASET_TRAIN": "/w/datasets/train",
        "EM_DATASET_TEST": "/w/datasets/test",
        "EM_DATASETS": '{"train": "/w/datasets/train", "test": "/w/datasets/test"}',
        "EM_MODEL_DIR": "/w/model",
        "EM_CHECKPOINT_INPUT_DIR": "/w/checkpoint-input",
        "EM_CHECKPOINT_DIR": "/w/checkpoint",
        "EM_HP_EPOCHS": "3",
        "EM_HP_MODEL_VERSION": "v1",
        "EM_HPS": '{"epochs": "3", "model_version": "v1"}',
        "EM_TENSORBOARD_LOG_DIR": "/logs/tb",
        "EM_REGION": "kr1",
        "EM_APPKEY": "team-a",
    }


def test_without_an_input_checkpoint_its_variable_is_absent_as_the_guides_example_expects() -> None:
    assert "EM_CHECKPOINT_INPUT_DIR" not in variables()


def test_a_name_that_no_shell_can_spell_gets_a_second_variable() -> None:
    env = variables(datasets=(("iris-dataset", "u"),), hyperparameters=(("learning.rate", "1"), ("a=b", "2")))
    assert env["EM_DATASET_IRIS-DATASET"] == env["EM_DATASET_IRIS_DATASET"] == "/w/datasets/iris-dataset"
    assert env["EM_HP_LEARNING.RATE"] == env["EM_HP_LEARNING_RATE"] == "1"
    assert env["EM_HP_A_B"] == "2"
    assert not any("=" in name for name in env), "such a name cannot exist in an environment"


def test_an_exact_name_beats_a_spelled_one() -> None:
    assert variables(hyperparameters=(("a_b", "exact"), ("a-b", "spelled")))["EM_HP_A_B"] == "exact"


def test_a_list_of_hyperparameters_beyond_the_systems_limit_is_left_out_and_said() -> None:
    many = tuple((f"k{number}", "가" * 1000) for number in range(100))
    result = environment(hyperparameters=many)
    assert "EM_HPS" not in result.variables
    assert result.variables["EM_HP_K99"] == "가" * 1000
    assert result.warnings == ("EM_HPS is left out: it would be longer than the system allows",)


def test_a_hundred_ascii_hyperparameters_of_a_thousand_characters_fit() -> None:
    many = tuple((f"key{number}", "x" * 1000) for number in range(100))
    result = environment(hyperparameters=many)
    assert len(json.loads(result.variables["EM_HPS"])) == 100
    assert not result.warnings


SECRETS = {
    "EASYMAKER_OBS_TOKEN_FILE": "/secret/token",
    "EASYMAKER_OBS_PASSWORD_FILE": "/secret/password",
    "EASYMAKER_OBS_USERNAME": "robot",
    "EASYMAKER_NAS_ROOT": "/nas",
    "EM_TOKEN": "t0ken",
    "EM_ACCESS_TOKEN": "t0ken",
    "AWS_SECRET_ACCESS_KEY": "t0ken",
    "OS_PASSWORD": "t0ken",
    "HF_TOKEN": "t0ken",
    "PIP_INDEX_URL": "https://user:t0ken@index/simple",
    "HTTPS_PROXY": "http://user:t0ken@proxy",
}


@pytest.mark.parametrize("extra", [(), ("*",), ("EASYMAKER_*", "EM_*")])
def test_no_secret_of_the_launcher_reaches_the_user(extra: tuple[str, ...]) -> None:
    env = variables(SECRETS, extra_env=extra)
    assert not SECRETS.keys() & env.keys()
    assert not any("t0ken" in value or "/secret" in value for value in env.values())


def test_even_by_its_full_name_a_credential_of_ours_does_not_pass() -> None:
    env = variables(SECRETS, extra_env=("EM_TOKEN", "EASYMAKER_OBS_TOKEN_FILE", "HF_TOKEN"))
    assert env.keys() & SECRETS.keys() == {"HF_TOKEN"}, "the operator named that one on purpose"


def test_the_mark_by_which_the_local_engine_finds_its_processes_passes() -> None:
    inherited = {"EASYMAKER_PROCESS": "abc.1"}
    spec = spec_with()
    assert variables(inherited)["EASYMAKER_PROCESS"] == "abc.1"
    assert installer_environment(spec, WorkPaths.of(spec), PYTHON, inherited)["EASYMAKER_PROCESS"] == "abc.1"


def test_the_rest_of_the_environment_passes_only_by_name_or_pattern() -> None:
    inherited = {"PATH": "/bin", "MY_A": "1", "MY_B": "2", "OTHER": "3", "CUDA_VISIBLE_DEVICES": "0", "PYTHONPATH": "x"}
    assert not {"MY_A", "OTHER", "PYTHONPATH"} & variables(inherited).keys()
    env = variables(inherited, extra_env=("OTHER", "MY_*"))
    assert (env["MY_A"], env["MY_B"], env["OTHER"], env["CUDA_VISIBLE_DEVICES"]) == ("1", "2", "3", "0")


def test_home_and_temporary_files_lie_in_the_work_directory_and_python_leads_the_path() -> None:
    env = variables({"PATH": "/usr/bin", "HOME": "/root", "TMPDIR": "/tmp"}, extra_env=("HOME", "TMPDIR"))
    assert (env["HOME"], env["TMPDIR"], env["PATH"]) == ("/w/home", "/w/tmp", "/env/bin:/usr/bin")
    assert env["PYTHONUNBUFFERED"] == "1"


def test_only_the_installer_sees_the_index_and_the_proxy() -> None:
    spec = spec_with()
    env = installer_environment(spec, WorkPaths.of(spec), PYTHON, SECRETS)
    assert env.keys() & SECRETS.keys() == {"PIP_INDEX_URL", "HTTPS_PROXY"}


NODES: dict[str, Any] = {"instance_count": 2, "node_rank": 1, "node_addresses": ("10.0.0.1:2222", "10.0.0.2:3333")}


def test_several_nodes_get_tf_config_and_the_variables_of_pytorch() -> None:
    env = variables(**NODES)
    assert json.loads(env["TF_CONFIG"]) == {
        "cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:3333"]},
        "task": {"type": "worker", "index": 1},
    }
    names = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "NODE_RANK", "LOCAL_RANK")
    assert [env[name] for name in names] == ["10.0.0.1", "2222", "2", "1", "1", "0"]


def test_one_node_gets_none_of_them_nor_does_an_outer_cluster_shine_through() -> None:
    outer = {"TF_CONFIG": "{}", "RANK": "7", "WORLD_SIZE": "9", "MASTER_ADDR": "x"}
    assert not variables(outer).keys() & (outer.keys() | {"MASTER_PORT", "NODE_RANK"})


def test_torchrun_sets_its_own_variables() -> None:
    env = variables(use_torchrun=True, **NODES)
    assert "RANK" not in env
    assert "TF_CONFIG" in env


def test_hyperparameters_are_arguments_after_the_file() -> None:
    assert command(hyperparameters=(("epochs", "3"), ("lr", "-0.1"))) == [
        "/env/bin/python", "/w/source/train.py", "--epochs", "3", "--lr", "-0.1",
    ]  # fmt: skip


def test_hostile_keys_and_values_stay_single_arguments() -> None:
    hostile = (("--x", "$(touch x)"), ("a b", "c d"), ("n\nl", "; rm -rf /"), ("$(touch x)", "`id`"))
    expected = [part for key, value in hostile for part in (f"--{key}", value)]
    assert command(hyperparameters=hostile)[2:] == expected


def test_a_file_name_is_never_taken_for_an_option() -> None:
    assert command("-c.py")[1] == "/w/source/-c.py"


def test_the_kind_of_file_says_what_starts_it() -> None:
    assert command("run.sh") == ["bash", "/w/source/run.sh"]
    assert command("tool", executable=True) == ["/w/source/tool"]
    with pytest.raises(LauncherError, match=r"'notes\.txt' cannot run: it must be a Python file"):
        command("notes.txt")


def test_torchrun_on_one_node_needs_no_port_of_ours() -> None:
    assert command(use_torchrun=True, nproc_per_node=4) == [
        "/env/bin/python", "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1",
        "--nnodes", "1", "--nproc-per-node", "4", "/w/source/train.py",
    ]  # fmt: skip


def test_torchrun_on_several_nodes_meets_at_the_first() -> None:
    assert command(use_torchrun=True, nproc_per_node=2, **NODES)[3:] == [
        "--nnodes", "2", "--nproc-per-node", "2", "--node-rank", "1",
        "--master-addr", "10.0.0.1", "--master-port", "2222", "/w/source/train.py",
    ]  # fmt: skip


def test_torchrun_runs_python_only() -> None:
    with pytest.raises(LauncherError, match="torchrun runs Python files"):
        command("run.sh", use_torchrun=True)


@pytest.mark.parametrize(("text", "parts"), [("a:1", ("a", 1)), ("[::1]:65535", ("::1", 65535))])
def test_addresses_are_split(text: str, parts: tuple[str, int]) -> None:
    assert split_address(text) == parts


@pytest.mark.parametrize("text", ["", "a", ":1", "a:", "a:x", "a:70000", "::1:5", "a b:1", "a:١"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"host:port|has no port"):
        split_address(text)
