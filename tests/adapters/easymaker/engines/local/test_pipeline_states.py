"""What the end of a run's program means."""

import pytest

from adapters.easymaker.engines.local.pipeline_run import interface
from adapters.easymaker.engines.local.pipeline_states import died
from adapters.easymaker.engines.local.processes import Phase, ProcessState


def test_a_killed_program_has_died() -> None:
    assert died(ProcessState(Phase.EXITED, signal=9, cause="signalled"))


@pytest.mark.parametrize(
    "process",
    [
        ProcessState(Phase.LOST, cause="lost"),
        ProcessState(Phase.EXITED, cause="stopped"),
        ProcessState(Phase.EXITED, exit_code=interface.IN_USE, cause="exited"),
        ProcessState(Phase.EXITED, exit_code=interface.GOES_ON, cause="exited"),
    ],
)
def test_a_lost_machine_a_shutdown_and_a_held_journal_are_no_deaths(process: ProcessState) -> None:
    assert not died(process)
