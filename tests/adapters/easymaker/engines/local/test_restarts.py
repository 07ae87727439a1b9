"""A program that dies again and again without getting further is given up; others are not."""

import time
from pathlib import Path

from adapters.easymaker.engines.local.json_files import write_json
from adapters.easymaker.engines.local.restarts import FILE, WINDOW, Restarts

MOST = 4


def test_it_is_given_up_after_some_deaths(tmp_path: Path) -> None:
    for _ in range(MOST):
        assert not Restarts(tmp_path, 7, MOST).used_up
        Restarts(tmp_path, 7, MOST).note()
    assert Restarts(tmp_path, 7, MOST).used_up


def test_one_that_gets_further_may_die_as_often_as_it_likes(tmp_path: Path) -> None:
    for progress in range(3 * MOST):
        assert not Restarts(tmp_path, progress, MOST).used_up
        Restarts(tmp_path, progress, MOST).note()


def test_deaths_of_long_ago_do_not_count(tmp_path: Path) -> None:
    write_json(tmp_path / FILE, {"progress": 7, "at": [time.time() - WINDOW - 1] * MOST})
    assert not Restarts(tmp_path, 7, MOST).used_up
