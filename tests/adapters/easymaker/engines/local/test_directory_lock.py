"""Fetching and removing one directory: never at the same time, and no fetch into a directory that is gone."""

import shutil
import threading
from pathlib import Path

from adapters.easymaker.engines.local.directory_lock import alone_in
from tests.conftest import PATIENCE


def test_a_missing_directory_is_nobodys(tmp_path: Path) -> None:
    with alone_in(tmp_path / "missing", wait=True) as alone:
        assert not alone
    assert not (tmp_path / "missing").exists()


def test_one_works_while_the_other_is_told_to_come_back(tmp_path: Path) -> None:
    with alone_in(tmp_path, wait=True) as first, alone_in(tmp_path, wait=False) as second:
        assert (first, second) == (True, False)
    with alone_in(tmp_path, wait=False) as again:
        assert again


def test_who_waited_while_the_directory_was_removed_does_nothing(tmp_path: Path) -> None:
    """A model whose stage resource is deleted during the download must not come back as a directory of nobody."""
    directory = tmp_path / "model"
    directory.mkdir()
    asked, outcome = threading.Event(), list[bool]()

    def fetch() -> None:
        asked.set()
        with alone_in(directory, wait=True) as alone:
            outcome.append(alone)

    waiting = threading.Thread(target=fetch)
    with alone_in(directory, wait=True) as alone:
        assert alone
        waiting.start()
        assert asked.wait(PATIENCE)
        shutil.rmtree(directory)
    waiting.join(PATIENCE)
    assert outcome == [False]
    assert not directory.exists()


def test_who_waited_while_it_was_made_anew_does_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "model"
    directory.mkdir()
    with alone_in(directory, wait=True) as alone:
        shutil.rmtree(directory)
        directory.mkdir()
        with alone_in(directory, wait=False) as other:
            assert alone
            assert other, "the new directory has a lock of its own"
