"""A program that dies again and again without getting further is given up; others are not counted out."""

from pathlib import Path

from adapters.easymaker.engines.local.pipeline_restarts import MOST, Restarts
from adapters.easymaker.engines.local.pipeline_run import interface
from adapters.easymaker.engines.local.processes import Phase, ProcessState

KILLED = ProcessState(Phase.EXITED, signal=9, cause="signalled")


def test_it_is_given_up_after_some_deaths(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    for _ in range(MOST):
        assert not restarts.used_up(KILLED)
        restarts.note(KILLED)
    assert restarts.used_up(KILLED)


def test_one_that_gets_further_may_die_as_often_as_it_likes(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    for number in range(3 * MOST):
        (tmp_path / interface.JOURNAL).write_text("x" * number)
        assert not restarts.used_up(KILLED)
        restarts.note(KILLED)


def test_a_lost_machine_a_shutdown_and_a_held_journal_are_no_deaths(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    others = [
        ProcessState(Phase.LOST, cause="lost"),
        ProcessState(Phase.EXITED, cause="stopped"),
        ProcessState(Phase.EXITED, exit_code=interface.IN_USE, cause="exited"),
        ProcessState(Phase.EXITED, exit_code=interface.GOES_ON, cause="exited"),
    ]
    for each in others * MOST:
        restarts.note(each)
        assert not restarts.used_up(each)
