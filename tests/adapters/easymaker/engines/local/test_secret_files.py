"""Secret values in files: for their owner alone, whole or not there, and gone when their resource never came to be."""

import os
import stat
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.home import LocalHome
from adapters.easymaker.engines.local.secret_files import ORPHAN_SECONDS, SecretFiles


@pytest.fixture
def home(tmp_path: Path) -> LocalHome:
    made = LocalHome(tmp_path, tmp_path / "nas", tmp_path / "secrets")
    made.create()
    return made


def test_values_come_back_as_they_were(home: LocalHome) -> None:
    values = {"hf_token": 'a"\n\\ü🙂', "password": ""}
    SecretFiles(home).put("local", "id", values)
    assert SecretFiles(home).get("local", "id") == values
    SecretFiles(home).put("local", "id", {"token": "new"})
    assert SecretFiles(home).get("local", "id") == {"token": "new"}
    assert SecretFiles(home).get("local", "another") == {}


def test_files_are_for_their_owner_alone(home: LocalHome) -> None:
    before = os.umask(0)
    try:
        SecretFiles(home).put("local", "id", {"token": "x"})
    finally:
        os.umask(before)
    file = home.secrets / "resources" / "id.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [p.name for p in file.parent.iterdir()] == ["id.json"], "no partial file is left"


def test_deleting_twice_is_deleting_once(home: LocalHome) -> None:
    SecretFiles(home).put("local", "id", {"token": "x"})
    SecretFiles(home).delete("local", "id")
    SecretFiles(home).delete("local", "id")
    assert SecretFiles(home).get("local", "id") == {}


def test_fingerprints_are_stable_and_keyed(home: LocalHome, tmp_path: Path) -> None:
    """The same for every replica of a home; without the home's key nobody can guess what was hashed."""
    other = LocalHome(tmp_path / "other", tmp_path / "other" / "nas", tmp_path / "other" / "secrets")
    other.create()
    assert SecretFiles(home).fingerprint(b"body") == SecretFiles(home).fingerprint(b"body")
    assert SecretFiles(home).fingerprint(b"body") != SecretFiles(home).fingerprint(b"other body")
    assert SecretFiles(home).fingerprint(b"body") != SecretFiles(other).fingerprint(b"body")


def test_only_old_files_of_unknown_resources_are_orphans(home: LocalHome) -> None:
    """A young one may belong to a request that is just being committed."""
    store = SecretFiles(home)
    for name in ("known", "orphan", "young"):
        store.put("local", name, {"token": name})
    for name in ("known", "orphan"):
        file = home.secrets / "resources" / f"{name}.json"
        old = file.stat().st_mtime - ORPHAN_SECONDS - 1
        os.utime(file, (old, old))
    assert store.delete_orphans(lambda ids: set(ids) & {"known"}, ["local"]) == 1
    assert (store.get("local", "known"), store.get("local", "orphan"), store.get("local", "young")) == (
        {"token": "known"},
        {},
        {"token": "young"},
    )


def test_no_orphans_where_nothing_was_kept(home: LocalHome) -> None:
    def never(ids: object) -> set[str]:
        raise AssertionError("the database is not asked for nothing")

    assert SecretFiles(home).delete_orphans(never, ["local"]) == 0
