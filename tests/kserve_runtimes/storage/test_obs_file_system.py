"""ObsFileSystem against a real Swift through the real TLS gateway: what users of fsspec expect of a file system."""

import os
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.tests.abstract import (
    AbstractCopyTests,
    AbstractFixtures,
    AbstractGetTests,
    AbstractOpenTests,
    AbstractPipeTests,
    AbstractPutTests,
)

from kserve_runtimes.storage import (
    InvalidStorageUri,
    ObsFileSystem,
    StorageDenied,
    StorageNotFound,
    StorageOptions,
    register,
)


class _ObsFixtures(AbstractFixtures):
    @pytest.fixture
    def fs(self, fs: ObsFileSystem) -> ObsFileSystem:
        return fs

    @pytest.fixture
    def fs_path(self, container: Any) -> str:
        return ObsFileSystem._strip_protocol(container.uri)

    @pytest.fixture
    def fs_join(self) -> Any:
        return lambda *parts: "/".join(parts)

    @pytest.fixture
    def supports_empty_directories(self) -> bool:
        return False


class TestFsspecCopy(_ObsFixtures, AbstractCopyTests):
    """fsspec's own suite: copies inside the storage."""

    # Pattern matching is fsspec's code alone; the quick tests of nas:// run these.
    test_copy_glob_edge_cases = None


class TestFsspecGet(_ObsFixtures, AbstractGetTests):
    """fsspec's own suite: downloads."""

    test_get_glob_edge_cases = None


class TestFsspecPut(_ObsFixtures, AbstractPutTests):
    """fsspec's own suite: uploads."""

    test_put_glob_edge_cases = None


class TestFsspecOpen(_ObsFixtures, AbstractOpenTests):
    """fsspec's own suite: open files."""


class TestFsspecPipe(_ObsFixtures, AbstractPipeTests):
    """fsspec's own suite: whole contents."""


@pytest.fixture
def root(container: Any) -> str:
    return ObsFileSystem._strip_protocol(container.uri)


NAMES = [
    "plain.txt",
    "with blank.txt",
    "한국어/파일.txt",
    "😀/😀😀.bin",
    "a#b?c&d=e.txt",
    "100%.txt",
    "%41.txt",
    "a+b;c,d'e\"f",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_comes_back_with_its_content(fs: ObsFileSystem, root: str, name: str) -> None:
    path = f"{root}/{name}"
    fs.pipe_file(path, name.encode())
    assert fs.cat_file(path) == name.encode()
    assert fs.find(root) == [path]
    assert fs.info(path)["size"] == len(name.encode())
    fs.rm_file(path)
    assert not fs.exists(path)


def test_registered_with_fsspec(options: StorageOptions, container: Any) -> None:
    register()
    with fsspec.open(f"{container.uri}/a.txt", "wb", options=options) as file:
        file.write(b"hello")  # type: ignore[union-attr]
    with fsspec.open(f"{container.uri}/a.txt", "rt", options=options) as file:
        assert file.read() == "hello"  # type: ignore[union-attr]


def test_a_read_file_seeks(fs: ObsFileSystem, root: str) -> None:
    data = os.urandom(3_000_000)
    fs.pipe_file(f"{root}/data", data)
    with fs.open(f"{root}/data", "rb", block_size=65_536) as file:
        for start in (0, 2_999_990, 1_000_000, 65_530):
            file.seek(start)
            assert file.read(20) == data[start : start + 20]
    assert fs.cat_file(f"{root}/data", start=-5) == data[-5:]
    assert fs.cat_file(f"{root}/data", start=10, end=-10) == data[10:-10]


def test_what_is_written_appears_only_when_it_is_whole(fs: ObsFileSystem, root: str) -> None:
    with pytest.raises(RuntimeError, match="stop"), fs.open(f"{root}/half", "wb") as file:
        file.write(b"x" * 100)  # type: ignore[arg-type]
        raise RuntimeError("stop")
    assert not fs.exists(f"{root}/half")


def test_a_long_written_file_goes_through_the_disk(fs: ObsFileSystem, root: str) -> None:
    block = os.urandom(1_000_000)
    with fs.open(f"{root}/long", "wb") as file:
        for _ in range(12):
            file.write(block)  # type: ignore[arg-type]
    assert fs.cat_file(f"{root}/long") == block * 12


def test_listing_an_account_a_container_and_a_directory(fs: ObsFileSystem, root: str) -> None:
    for name in ("a.txt", "d/b.txt", "d/e/c.txt"):
        fs.pipe_file(f"{root}/{name}", b"x")
    account, _, _ = root.rpartition("/")
    assert root in fs.ls(account, detail=False)
    assert fs.ls(root, detail=False) == [f"{root}/a.txt", f"{root}/d"]
    assert [(entry["type"], entry["size"]) for entry in fs.ls(f"{root}/d")] == [("file", 1), ("directory", 0)]
    assert fs.isdir(f"{root}/d/e")
    assert fs.ls(f"{root}/a.txt", detail=False) == [f"{root}/a.txt"]
    assert [path for path, _, _ in fs.walk(root)] == [root, f"{root}/d", f"{root}/d/e"]
    with pytest.raises(FileNotFoundError):
        fs.ls(f"{root}/nothing")


def test_names_that_are_no_paths_are_not_shown(fs: ObsFileSystem, root: str, container: Any) -> None:
    for name in ("good", "../evil", "a/../../evil", "/absolute", "a//b", "line\nbreak", "."):
        container.put(name, b"x")
    assert fs.find(root) == [f"{root}/good"]
    assert fs.ls(root, detail=False) in ([f"{root}/good"], [f"{root}/a", f"{root}/good"])


def test_directory_markers_are_directories(fs: ObsFileSystem, root: str, container: Any) -> None:
    container.put("with-slash/")
    container.put("typed", Content_Type="application/directory")
    assert fs.find(root) == []
    assert fs.ls(root, detail=False) == [f"{root}/typed", f"{root}/with-slash"]
    assert fs.isdir(f"{root}/typed")
    fs.rm(f"{root}/typed", recursive=True)
    assert not fs.exists(f"{root}/typed")


def test_pages_of_a_long_listing_follow_each_other(fs: ObsFileSystem, root: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("kserve_runtimes.storage.swift.PAGE", 3)
    names = [f"{root}/{number:02d}/x" for number in range(10)]
    fs.pipe(dict.fromkeys(names, b"x"))
    assert fs.find(root) == names
    assert len(fs.ls(root)) == 10


def test_times_and_etags(fs: ObsFileSystem, root: str) -> None:
    fs.pipe_file(f"{root}/a", b"hello")
    info = fs.ls(root)[0]
    assert info["etag"] == fs.ukey(f"{root}/a") == "5d41402abc4b2a76b9719d911017c592"
    assert fs.modified(f"{root}/a").tzinfo is not None
    assert fs.created(f"{root}/a") == fs.modified(f"{root}/a")


def test_a_container_can_be_made_and_removed(fs: ObsFileSystem, root: str) -> None:
    made = root + "-made"
    fs.mkdir(made)
    assert fs.isdir(made)
    fs.pipe_file(f"{made}/a", b"x")
    fs.rm(made, recursive=True)
    assert not fs.exists(made)


def test_each_way_to_be_refused_has_a_sentence_with_the_uri(fs: ObsFileSystem, root: str, tmp_path: Path) -> None:
    missing = f"{root}/missing.txt"
    with pytest.raises(StorageNotFound, match=r"missing\.txt does not exist"):
        fs.cat_file(missing)
    with pytest.raises(StorageNotFound, match="no-such-container"):
        fs.pipe_file(f"{root}-no-such-container/a", b"x")
    other_tenant = root.replace("AUTH_" + "a" * 32, "AUTH_" + "b" * 32)
    with pytest.raises(StorageDenied, match="does not allow it"):
        fs.cat_file(f"{other_tenant}/a")
    with pytest.raises(StorageDenied):
        fs.exists(f"{other_tenant}/a")
    with pytest.raises(InvalidStorageUri):
        fs.cat_file(f"{root}/a/../b")
    with pytest.raises(InvalidStorageUri):
        fs.cat_file("host.example/data")
    with pytest.raises(InvalidStorageUri):
        fs.pipe_file(root, b"x")


def test_no_token_in_an_error(storage_server: Any, container: Any, options: StorageOptions) -> None:
    assert options.obs_token_file is not None
    token = storage_server.token(lifetime=-1)
    options.obs_token_file.write_text(token)
    with pytest.raises(StorageDenied, match="token is missing, expired or not valid") as caught:
        ObsFileSystem(options, skip_instance_cache=True).find(container.uri)
    assert token not in str(caught.value)
    assert token not in repr(caught.value.__cause__)


def test_credentials_go_only_to_hosts_that_were_named(options: StorageOptions, container: Any) -> None:
    from dataclasses import replace

    fs = ObsFileSystem(replace(options, allowed_hosts=()), skip_instance_cache=True)
    with pytest.raises(StorageDenied, match="not a public one"):
        fs.find(container.uri)
