"""Metrics out of logs: Katib's rules, kept over kills, and bounded whatever a trial prints."""

import json
import math
import time
from pathlib import Path

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from adapters.easymaker.engines.local.tuning import metrics as collecting
from adapters.easymaker.engines.local.tuning import series
from adapters.easymaker.engines.local.tuning.ledger import Reduced
from adapters.easymaker.engines.local.tuning.metric_lines import LONGEST_LINE, MetricPattern, is_number, split
from adapters.easymaker.engines.local.tuning.metrics import Collector
from adapters.easymaker.engines.local.tuning.series import Series

DEFAULT = r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"


@pytest.mark.parametrize(
    ("regex", "line", "found"),
    [
        (DEFAULT, b"epoch 3: loss=0.25 acc = 1e-3", [("loss", "0.25"), ("acc", "1e-3")]),
        (DEFAULT, b"loss=", []),
        (DEFAULT, b"loss=n/a loss=7", [("loss", "7")]),
        (DEFAULT, b"val_loss=1 loss-x=2 loss=+.5", [("loss", "+.5")]),
        (DEFAULT, b"nothing here", []),
        (DEFAULT, b"\xff\xfe loss=1 \x00", [("loss", "1")]),
        (
            r"(\w+): (nan|inf|[0-9.]+)",
            b"loss: nan acc: inf loss: 1.5",
            [("loss", "nan"), ("acc", "inf"), ("loss", "1.5")],
        ),
        (r"(loss)|(\d+)", b"loss 12", []),
        (r"\[(\s*loss\s*)\] ( *\S+)", b"[ loss ]  0.5", [("loss", "0.5")]),
        (r"(\w+)=(1_0|0x10|\d+)", b"loss=1_0 loss=0x10 loss=10", [("loss", "10")]),
    ],
)
def test_values_of_a_line(regex: str, line: bytes, found: list[tuple[str, str]]) -> None:
    assert MetricPattern(regex, ["loss", "acc"]).find(line) == found


@pytest.mark.parametrize(("text", "expected"), [("1", True), ("", False), ("NaN", True), ("1_0", False), ("x", False)])
def test_what_a_number_is(text: str, expected: bool) -> None:
    assert is_number(text) is expected


@given(st.lists(st.sampled_from([b"loss=1", b"x" * (LONGEST_LINE + 3), b"", b"acc=2\r10%"]), max_size=6), st.booleans())
def test_lines_are_cut_nowhere_else_and_stay_short(lines: list[bytes], ended: bool) -> None:
    block = b"\n".join(lines) + (b"\n" if ended else b"")
    whole, rest = split(block)
    assert whole + rest == block
    assert len(rest) < LONGEST_LINE
    assert b"\n" not in rest
    assert b"\r" not in rest


def collector(directory: Path, regex: str = DEFAULT) -> Collector:
    return Collector(directory / "log", Series(directory / "series"), MetricPattern(regex, ["loss", "acc"]))


def drain(one: Collector, last: bool = False) -> list[tuple[str, str]]:
    values: list[tuple[str, str]] = []
    while True:
        found = one.poll(12.5, last)
        values += found.values
        if not found.more:
            return values


def stored(directory: Path) -> list[tuple[str, str]]:
    return [(name, text) for _, name, text in series.read(directory / "series")]


def append(directory: Path, text: bytes) -> None:
    with (directory / "log").open("ab") as file:
        file.write(text)


def test_a_growing_log_is_read_once_and_a_line_only_when_it_is_whole(tmp_path: Path) -> None:
    one = collector(tmp_path)
    assert drain(one) == []
    append(tmp_path, b"loss=1\nloss=0.")
    assert drain(one) == [("loss", "1")]
    append(tmp_path, b"5 acc=3\rloss=4\rloss=")
    assert drain(one) == [("loss", "0.5"), ("acc", "3"), ("loss", "4")]
    append(tmp_path, b"2")
    assert drain(one) == []
    assert drain(one, last=True) == [("loss", "2")]
    assert drain(one, last=True) == []
    assert one.series.reduced["loss"] == Reduced("0.5", "4", "2", 4)


@given(st.lists(st.tuples(st.sampled_from([b"loss=1\n", b"text\n", b"acc=2 loss=", b"3\n"]), st.integers(0, 3))))
def test_a_killed_collector_neither_loses_nor_doubles_a_value(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bytes, int]]
) -> None:
    """At each step the log grows, and the collector goes on (0), is killed (1), or killed while it wrote (2)."""
    directory = tmp_path_factory.mktemp("kills")
    one = collector(directory)
    for text, kill in steps:
        append(directory, text)
        if kill != 3:
            drain(one)
        if kill == 2 and (directory / "series").exists():
            with (directory / "series").open("ab") as file:
                file.write(b'{"offset": 10, "val')
        if kill:
            one = collector(directory)
    drain(one, last=True)
    log = (directory / "log").read_bytes() if steps else b""
    expected = MetricPattern(DEFAULT, ["loss", "acc"]).find_all(log)
    assert stored(directory) == expected
    assert sum(each.count for each in one.series.reduced.values()) == len(expected)


def test_nan_is_neither_least_nor_greatest(tmp_path: Path) -> None:
    one = Series(tmp_path / "series")
    one.add(0, [("loss", "nan")], 1)
    assert one.reduced["loss"] == Reduced("nan", "nan", "nan", 1)
    one.add(0, [("loss", "2"), ("loss", "nan"), ("loss", "-inf"), ("loss", "3"), ("loss", "nan")], 2)
    assert one.reduced["loss"] == Reduced("-inf", "3", "nan", 6)
    assert Series(tmp_path / "series").reduced == one.reduced == series.reduced(tmp_path / "series")


def test_beyond_the_limit_values_are_only_reduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "MOST_KEPT", 3)
    one = Series(tmp_path / "series")
    one.add(0, [("loss", "1"), ("loss", "2")], 1)
    one.add(0, [("loss", "3"), ("loss", "4"), ("acc", "5")], 2)
    one.add(0, [("loss", "0")], 3)
    assert len(stored(tmp_path)) == 3
    assert one.reduced == {"loss": Reduced("0", "4", "0", 5), "acc": Reduced("5", "5", "5", 1)}
    assert Series(tmp_path / "series").reduced == one.reduced
    assert Series(tmp_path / "series").offset == 3


def test_a_flood_is_taken_in_piece_by_piece(tmp_path: Path) -> None:
    line = b"x" * 200_000 + b" loss=1\n"
    append(tmp_path, line * 10 + b"loss=1\n" * 30_000)
    one = collector(tmp_path)
    longest = 0
    while (found := one.poll(0, last=True)).more:
        longest = max(longest, len(found.values))
    assert longest <= collecting.CHUNK // len(b"loss=1\n") + 1
    assert one.series.reduced["loss"] == Reduced("1", "1", "1", 30_010)


@pytest.mark.parametrize(
    "regex", [r"(x+x+)+(y)", r"((a|aa)+)+(b)", r"(.*)(.*)(.*)(.*)(.*)[a-z]{200}(=)", r"(loss|l|o|s)*?(x*)*z"]
)
def test_a_hostile_pattern_takes_linear_time_and_is_given_up_in_the_end(
    regex: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path, (b"loss" + b"xa" * 8000 + b"\n") * 20)
    one = collector(tmp_path, regex)
    began = time.thread_time()
    drain(one, last=True)
    assert time.thread_time() - began < collecting.MOST_SECONDS
    monkeypatch.setattr(collecting, "MOST_SECONDS", -math.inf)
    append(tmp_path, b"loss=1\n")
    assert one.gave_up
    assert drain(one, last=True) == []


def test_a_pattern_that_is_too_large_is_refused() -> None:
    with pytest.raises(re2.error):
        MetricPattern(r"((a{100}){100}){100}(x)", ["loss"])


def test_the_series_is_json_line_by_line(tmp_path: Path) -> None:
    append(tmp_path, b"loss=1 acc=2\n")
    drain(collector(tmp_path))
    (line,) = (tmp_path / "series").read_text().splitlines()
    assert json.loads(line) == {"offset": 13, "values": [[12.5, "loss", "1"], [12.5, "acc", "2"]]}
