"""The journal: what was appended is there after any kill, and what a kill cut short never was."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.easymaker.engines.local.tuning import ledger
from adapters.easymaker.engines.local.tuning.journal import Journal, JournalInUse, read, whole
from adapters.easymaker.engines.local.tuning.ledger import End, Ledger, Reduced, Trial
from katib_suggestions.early_stopping.rules import Comparison, StoppingRule
from katib_suggestions.trial import TrialCondition

EVENTS = [{"event": "begun", "at": 1.5}, {"event": "odd", "text": "a\nb \u2028 ü"}, {"event": "validated"}]


def journal(path: Path) -> None:
    writer = Journal(path)
    for event in EVENTS:
        writer.append(event)
    writer.close()


def test_what_was_appended_is_read(tmp_path: Path) -> None:
    journal(tmp_path / "j")
    assert list(read(tmp_path / "j")) == EVENTS
    journal(tmp_path / "j")
    assert list(read(tmp_path / "j")) == EVENTS * 2
    assert list(read(tmp_path / "none")) == []


def test_any_cut_leaves_the_records_before_it_and_a_journal_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal(path)
    content = path.read_bytes()
    ends = [end + 1 for end, byte in enumerate(content) if byte == 10]
    for cut in range(len(content) + 1):
        path.write_bytes(content[:cut])
        kept = sum(end <= cut for end in ends)
        assert list(read(path)) == EVENTS[:kept]
        writer = Journal(path)
        writer.append({"event": "next"})
        writer.close()
        assert list(read(path)) == [*EVENTS[:kept], {"event": "next"}]


@given(st.binary(max_size=40))
def test_what_a_power_cut_leaves_at_the_end_is_no_record(tail: bytes) -> None:
    content = b'{"event":"begun"}\n' + b"\0" * 3 + tail
    assert whole(content) in (18, len(content)) or content[whole(content) - 1 :][:1] == b"\n"
    assert whole(b'{"event":"begun"}\n' + b"\0" * 9 + b"\n") == 18


def test_there_is_one_writer(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j")
    with pytest.raises(JournalInUse):
        Journal(tmp_path / "j")
    first.close()
    Journal(tmp_path / "j").close()


def test_a_trial_is_in_the_ledger_what_its_records_say() -> None:
    rules = (StoppingRule("loss", 0.1 + 0.2, Comparison.GREATER, 4),)
    one, two = Trial(1, "t-1", {"x": "1"}, rules, created_at=9.0), Trial(2, "t-2", {"x": "2"}, created_at=9.0)
    state = Ledger.of([{"event": "begun", "at": 5.0}, ledger.created([one, two], 9.0), {"event": "unheard of"}])
    assert state.ordered == [one, two]
    state.apply(ledger.started(one, "boot", 10.0))
    assert state.trials[1].condition is TrialCondition.RUNNING
    state.apply(ledger.interrupted(state.trials[1], "down"))
    assert (state.trials[1].attempt, state.trials[1].condition) == (2, TrialCondition.CREATED)
    state.apply(ledger.stopping(two, TrialCondition.KILLED, "with its tuning"))
    assert state.trials[2].ending is TrialCondition.KILLED
    ended = Trial(
        2, "t-2", {"x": "2"}, condition=TrialCondition.KILLED, reason="r", metrics={"loss": Reduced("1", "2", "nan", 3)}
    )
    state.apply(ledger.ended(ended))
    assert state.trials[2].metrics == ended.metrics
    assert [trial.number for trial in state.active] == [1]
    end = End("GoalReached", True, "because")
    state.apply(ledger.end(end))
    assert state.end == end
    assert not state.over
    state.apply({"event": "finished", "at": 11.0})
    assert state.over
