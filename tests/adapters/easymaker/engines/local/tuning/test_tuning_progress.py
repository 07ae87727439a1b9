"""The adapter's view of a journal: only what is new is read, and never half a record."""

from pathlib import Path

from adapters.easymaker.engines.local.tuning import ledger
from adapters.easymaker.engines.local.tuning.journal import Journal
from adapters.easymaker.engines.local.tuning.ledger import Trial
from adapters.easymaker.engines.local.tuning_progress import Details, Journals
from tests.adapters.easymaker.engines.local.tuning.tuning_world import TuningWorld, record_of


def test_a_journal_is_read_on_from_where_it_was_left(tmp_path: Path) -> None:
    path, journals = tmp_path / "journal", Journals()
    assert journals.ledger(path) is None
    writer = Journal(path)
    first = journals.ledger(path)
    assert first is not None
    assert first.version == 0
    writer.append(ledger.created([Trial(1, "t-1", {})], 1.0))
    assert journals.ledger(path) is first
    assert first.version == 1
    with path.open("ab") as file:
        file.write(b'{"event": "fini')
    assert journals.ledger(path) is first
    assert first.version == 1
    writer.close()
    writer = Journal(path)
    writer.append({"event": "finished", "at": 3.0})
    writer.close()
    assert journals.ledger(path) is first
    assert (first.version, first.over) == (2, True)


def test_a_journal_in_the_place_of_another_is_read_from_its_beginning(tmp_path: Path) -> None:
    path, journals = tmp_path / "journal", Journals()
    path.write_text('{"event":"begun","at":1.0}\n{"event":"validated"}\n')
    assert journals.ledger(path)
    (tmp_path / "other").write_text('{"event":"begun","at":2.0}\n')
    (tmp_path / "other").rename(path)
    found = journals.ledger(path)
    assert found is not None
    assert (found.version, found.begun_at) == (1, 2.0)


def test_records_that_a_power_cut_has_spoilt_are_waited_for(tmp_path: Path) -> None:
    path, journals = tmp_path / "journal", Journals()
    path.write_bytes(b'{"event":"begun","at":1.0}\n' + b"\0" * 20 + b"\n")
    found = journals.ledger(path)
    assert found is not None
    assert found.version == 1


def test_details_are_made_anew_when_the_journal_has_grown(world: TuningWorld) -> None:
    record, details, state = record_of(world.tuning().spec), Details(), ledger.Ledger()
    state.apply(ledger.created([Trial(1, "t-1", {"x": "1"})], 1.0))
    before = details.detail(record, state)
    assert details.detail(record, state) is before
    state.apply(ledger.started(state.trials[1], "boot", 2.0))
    assert details.detail(record, state)["runningTrialCount"] == 1
