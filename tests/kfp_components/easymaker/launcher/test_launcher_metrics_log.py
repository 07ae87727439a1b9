"""The lines with metrics get into a file for a collector; the log stays what it is."""

import re
from pathlib import Path

import pytest

from kfp_components.easymaker.launcher.metrics_log import LONGEST_LINE, MetricsLog
from tests.kfp_components.easymaker.launcher.conftest import Training

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (.*)")


def kept(path: Path, pieces: list[bytes], *names: str, times: bool = False) -> str:
    log = MetricsLog(path, names, times)
    for piece in pieces:
        log.feed(piece)
    log.feed(b"", last=True)
    return path.read_text()


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([b"hello\nloss=1\n"], "loss=1\n"),
        ([b"lo", b"ss=", b"1\nlos", b"s=2"], "loss=1\nloss=2\n"),
        ([b"10%\r20% loss=3\r\nbye\n"], "20% loss=3\n"),
        ([b"\n\n"], ""),
        ([b"x" * LONGEST_LINE, b"loss=1\n"], "loss=1\n"),
    ],
)
def test_lines_with_a_metric_whatever_the_pieces(tmp_path: Path, pieces: list[bytes], lines: str) -> None:
    assert kept(tmp_path / "log", pieces, "loss", "accuracy") == lines


def test_every_line_without_names_and_the_time_before_it(tmp_path: Path) -> None:
    lines = kept(tmp_path / "log", [b"a\nb\n"], times=True).splitlines()
    assert [match[1] for match in map(TIME.fullmatch, lines) if match] == ["a", "b"]


def test_the_log_stays_whole_and_metrics_are_noted_too(training: Training) -> None:
    training.source(
        "import sys\nprint('hello')\nprint('loss=0.5')\nprint('loss=0.25', file=sys.stderr)\nprint('bye')\n"
    )
    log = training.root / "metrics.log"
    ended = training.run(metrics_log=log, metrics_log_names=("loss",), metrics_log_times=True)
    assert ended.exit_code == 0
    assert ended.last_line == "The training ended well."
    out = ended.stdout.decode().splitlines()
    assert [line for line in out if not line.startswith("[launcher]")] == ["hello", "loss=0.5", "loss=0.25", "bye"]
    assert [match[1] for match in map(TIME.fullmatch, log.read_text().splitlines()) if match] == [
        "loss=0.5",
        "loss=0.25",
    ]


def test_without_a_collector_it_runs_all_the_same(training: Training) -> None:
    training.source("print('loss=0.5')\n")
    ended = training.run(metrics_log=training.root / "nowhere" / "metrics.log")
    assert ended.exit_code == 0
    assert b"loss=0.5" in ended.stdout
    assert "nobody collects" in ended.stderr


def test_only_the_first_node_writes_it(training: Training) -> None:
    training.source("print('loss=0.5')\n")
    log = training.root / "metrics.log"
    nodes = ("127.0.0.1:29500", "127.0.0.1:29501")
    ended = training.run(metrics_log=log, instance_count=2, node_rank=1, node_addresses=nodes)
    assert ended.exit_code == 0
    assert not log.exists()
