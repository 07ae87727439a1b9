"""The spec file is a contract between versions and machines: it round-trips, and nothing unclear gets through."""

import json
from pathlib import Path
from typing import Any

import pytest

from kfp_components.easymaker.launcher.spec import LauncherSpec, SpecError

MINIMAL: dict[str, Any] = {
    "id": "1",
    "name": "n",
    "appkey": "a",
    "region": "r",
    "source_dir_uri": "nas://v:/s",
    "entry_point": "train.py",
    "work_dir": "/w",
    "status_path": "/s.json",
}


def parsed(**changes: Any) -> LauncherSpec:
    return LauncherSpec.from_json(json.dumps({"version": 1, **MINIMAL, **changes}))


def test_what_is_written_reads_back_equal() -> None:
    spec = parsed(
        hyperparameters=[["lr", "0.1"], ["lr", "한글 😀"]],
        datasets=[["train", "nas://v:/d"]],
        instance_count=2,
        node_rank=1,
        node_addresses=["127.0.0.1:1", "[::1]:2"],
        timeout_seconds=3600,
        use_torchrun=True,
        uv="/usr/bin/uv",
        extra_env=["HF_HOME", "MY_*"],
    )
    assert LauncherSpec.from_json(spec.to_json()) == spec


def test_defaults_are_one_plain_process_without_a_limit() -> None:
    spec = parsed()
    assert (spec.instance_count, spec.use_torchrun, spec.timeout_seconds) == (1, False, None)
    assert spec.python.is_absolute()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"surprise": 1}, "unknown field(s): surprise"),
        ({"version": 2}, "reads version 1, not 2"),
        ({"id": 7}, "id: must be a string"),
        ({"entry_point": "../x.py"}, "entry_point: must lie inside"),
        ({"entry_point": "a/../../x.py"}, "entry_point: must lie inside"),
        ({"entry_point": "/etc/x.py"}, "entry_point: must lie inside"),
        ({"entry_point": ""}, "entry_point: must name a file"),
        ({"entry_point": "a\0.py"}, "entry_point: must not hold a NUL"),
        ({"work_dir": "relative"}, "work_dir: must be an absolute path"),
        ({"hyperparameters": {"a": "b"}}, "hyperparameters: must be a list of pairs"),
        ({"hyperparameters": [["a"]]}, "hyperparameters: must be a list of pairs"),
        ({"hyperparameters": [["a", 1]]}, "hyperparameters: must be a string"),
        ({"hyperparameters": [["", "x"]]}, "a key must not be empty"),
        ({"hyperparameters": [["a", "\ud800"]]}, "must be valid Unicode"),
        ({"datasets": [["../x", "nas://v:/d"]]}, "cannot be the name of a directory"),
        ({"datasets": [["..", "nas://v:/d"]]}, "cannot be the name of a directory"),
        ({"datasets": [["train", "u"], ["Train", "u"]]}, "two data sets are named 'TRAIN'"),
        ({"instance_count": 0}, "instance_count: must be at least 1"),
        ({"instance_count": True}, "instance_count: must be a whole number"),
        ({"instance_count": 2}, "one host:port for each of the 2 nodes"),
        ({"instance_count": 2, "node_addresses": ["a:1", "b"]}, "'b' is not host:port"),
        ({"instance_count": 2, "node_addresses": ["a:1", "b:0"]}, "no port from 1 to 65535"),
        ({"node_rank": 1}, "node_rank: must be from 0"),
        ({"timeout_seconds": 0}, "timeout_seconds: must be more than 0"),
        ({"timeout_seconds": 1e300}, "timeout_seconds: must be a number below"),
        ({"extra_env": ["A B"]}, "'A B' is no variable name"),
        ({"use_torchrun": "yes"}, "use_torchrun: must be true or false"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_the_field_and_the_reason(
    changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(SpecError) as refused:
        parsed(**changes)
    assert says in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '"x"', '{"version": 1}'])
def test_what_is_no_spec_at_all_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        LauncherSpec.from_json(text)


def test_relative_paths_are_refused_when_built_in_python_too() -> None:
    values = {**MINIMAL, "work_dir": Path("here"), "status_path": Path("/s")}
    with pytest.raises(SpecError):
        LauncherSpec(**values)
