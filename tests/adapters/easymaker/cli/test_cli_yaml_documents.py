"""Manifests mean the same to kubectl, whose YAML is another than Python's."""

import json
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from adapters.easymaker.cli.yaml_documents import documents

TRICKY = [
    "1e3", "12e4567", "0o17", "0x1f", "1_000", "+1", "-1", ".5", "1:30", "y", "N", "yes", "Off", "TRUE", "null", "~",
    "", " ", "=", "<<", "*a", "&a", "!a", "%a", "@a", "`a", "a: b", "a #b", "2026-11-23", "NaN", ".inf", "a\nb\n", "\n",
    " a\nb", "a\tb", "ä한", "\u2028", "a" * 300, "---", "- a", "a\r\nb",
]  # fmt: skip


def config_map(texts: list[str]) -> dict[str, Any]:
    data = {f"k{number}": text for number, text in enumerate(texts)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tricky"}, "data": data}


def test_documents_are_read_back_as_they_were() -> None:
    manifests = [config_map(TRICKY), config_map(["same"]), config_map(["same"])]
    assert list(yaml.safe_load_all(documents(manifests))) == manifests
    assert documents([]) == ""


def test_kubectl_reads_the_same_texts() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl on this machine")
    # `kubectl patch --local` reads YAML as `kubectl apply` does, and needs no server.
    command = ["kubectl", "label", "--local", "-f", "-", "-o", "json", "read=yes"]
    done = subprocess.run(
        command, input=documents([config_map(TRICKY)]), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"] == config_map(TRICKY)["data"]


def test_texts_of_several_lines_are_readable_blocks() -> None:
    assert 'k0: |-\n    {\n      "a": 1\n    }\n' in documents([config_map(['{\n  "a": 1\n}'])])
