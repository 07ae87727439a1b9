"""Metrics in a log: found however it is cut into pieces, in bounded memory."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_components.easymaker.runs.metric_log import LONGEST_LINE, MOST_METRICS, InvalidMetricRegex, MetricLog

LOG = b"epoch 1: loss=0.5, accuracy = 0.25\rnoise\nloss=0.125 accuracy=7.5e-1\nname=iris loss=\nlast=3"


def read(log: MetricLog, *pieces: bytes) -> MetricLog:
    for piece in pieces:
        log.feed(piece)
    log.close()
    return log


@given(st.lists(st.integers(min_value=0, max_value=len(LOG)), max_size=6))
def test_the_same_is_found_however_the_output_is_cut(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(LOG)]
    pieces = [LOG[start:end] for start, end in itertools.pairwise(ends)]
    log = read(MetricLog(), *pieces)
    assert log.latest() == {"loss": 0.125, "accuracy": 0.75, "last": 3.0}
    assert (log.series["loss"].most, log.series["loss"].least, log.series["loss"].count) == (0.5, 0.125, 2)


def test_only_the_named_ones_count_where_some_are_named() -> None:
    assert read(MetricLog(names=["loss"]), LOG).latest() == {"loss": 0.125}


def test_another_pattern() -> None:
    log = read(MetricLog(r"'(\w+)': ([\d.]+)"), b"{'eval_loss': 0.1, 'epoch': 2.0}")
    assert log.latest() == {"eval_loss": 0.1, "epoch": 2.0}


@pytest.mark.parametrize("regex", ["(", r"(a)=\d", r"(?=look)(a)(b)"])
def test_a_pattern_that_cannot_be_used_is_refused(regex: str) -> None:
    with pytest.raises(InvalidMetricRegex, match="metric_regex"):
        MetricLog(regex)


def test_nan_is_a_value_but_neither_the_least_nor_the_most() -> None:
    log = read(MetricLog(r"(\w+)=(\S+)"), b"loss=nan\nloss=2\nloss=nan\n")
    series = log.series["loss"]
    assert math.isnan(series.last)
    assert (series.least, series.most, series.count) == (2.0, 2.0, 3)


def test_memory_is_bounded_whatever_is_printed() -> None:
    log = MetricLog()
    for number in range(3 * MOST_METRICS):
        log.feed(f"metric{number}=1\n".encode())
    for _ in range(50):
        log.feed(b"x" * LONGEST_LINE)
    assert len(log.series) == MOST_METRICS
    assert len(log._rest) < 2 * LONGEST_LINE


def test_a_line_without_an_end_takes_linear_time() -> None:
    """A backtracking engine would need minutes for this one."""
    log = read(MetricLog(), b"a" * (40 * LONGEST_LINE) + b"=")
    assert log.latest() == {}
