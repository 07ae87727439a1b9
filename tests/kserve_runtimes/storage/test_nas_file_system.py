"""nas:// is a directory that users' jobs write to; a link they leave there must not lead anywhere else."""

import os
from pathlib import Path
from typing import Any

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
    NasFileSystem,
    StorageDenied,
    StorageNotFound,
    StorageOptions,
    download,
    upload,
)


@pytest.fixture
def nas_options(tmp_path: Path) -> StorageOptions:
    (tmp_path / "nas/one").mkdir(parents=True)
    (tmp_path / "nas/two").mkdir()
    (tmp_path / "nas/two/secret").write_text("of another NAS")
    (tmp_path / "secret").write_text("of this machine")
    return StorageOptions(nas_root=tmp_path / "nas")


@pytest.fixture
def nas(nas_options: StorageOptions) -> NasFileSystem:
    return NasFileSystem(nas_options, skip_instance_cache=True)


class _NasFixtures(AbstractFixtures):
    @pytest.fixture
    def fs(self, nas: NasFileSystem) -> NasFileSystem:
        return nas

    @pytest.fixture
    def fs_path(self) -> str:
        return "one:/work"

    @pytest.fixture
    def fs_join(self) -> Any:
        return lambda *parts: "/".join(parts)


class TestFsspecCopyNas(_NasFixtures, AbstractCopyTests):
    """fsspec's own suite: copies inside the storage."""


class TestFsspecGetNas(_NasFixtures, AbstractGetTests):
    """fsspec's own suite: downloads."""


class TestFsspecPutNas(_NasFixtures, AbstractPutTests):
    """fsspec's own suite: uploads."""


class TestFsspecOpenNas(_NasFixtures, AbstractOpenTests):
    """fsspec's own suite: open files."""


class TestFsspecPipeNas(_NasFixtures, AbstractPipeTests):
    """fsspec's own suite: whole contents."""


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("absolute", "/etc/passwd"),
        ("relative", "../../secret"),
        ("neighbour", "../two/secret"),
        ("directory", ".."),
        ("chain", "relative-again"),
    ],
)
def test_a_link_that_leads_out_is_refused(nas: NasFileSystem, tmp_path: Path, link: str, target: str) -> None:
    home = tmp_path / "nas/one"
    (home / "relative-again").symlink_to("../two/secret")
    (home / link).symlink_to(target)
    for action in (nas.info, nas.cat_file, nas.ls, nas.modified):
        with pytest.raises(StorageDenied, match="leads out of its NAS"):
            action(f"nas://one:/{link}")
    with pytest.raises(StorageDenied):
        nas.pipe_file(f"one:/{link}", b"x")
    assert nas.ls("one:/", detail=False) == []
    nas.rm(f"one:/{link}")
    assert not (home / link).is_symlink()
    assert (tmp_path / "nas/two/secret").read_text() == "of another NAS"
    assert (tmp_path / "secret").read_text() == "of this machine"


def test_a_nas_that_is_itself_a_link_is_refused(nas: NasFileSystem, tmp_path: Path) -> None:
    (tmp_path / "nas/three").symlink_to("/etc")
    with pytest.raises(StorageDenied, match="is a link"):
        nas.cat_file("nas://three:/passwd")


def test_a_link_inside_is_followed(nas: NasFileSystem, tmp_path: Path) -> None:
    nas.pipe_file("one:/data/v1", b"x")
    (tmp_path / "nas/one/latest").symlink_to("data")
    assert nas.cat_file("nas://one:/latest/v1") == b"x"


def test_links_in_a_circle_end(nas: NasFileSystem, tmp_path: Path) -> None:
    (tmp_path / "nas/one/a").symlink_to("b")
    (tmp_path / "nas/one/b").symlink_to("a")
    with pytest.raises((StorageDenied, StorageNotFound)):
        nas.cat_file("one:/a")


@pytest.mark.parametrize(
    "path", ["one:/../two/secret", "one:/a/../../../secret", "../nas/two:/secret", "one:/a//b", "one"]
)
def test_paths_that_are_none_are_refused(nas: NasFileSystem, path: str) -> None:
    with pytest.raises(InvalidStorageUri):
        nas.cat_file(path)


def test_the_nas_itself_is_not_removed(nas: NasFileSystem, tmp_path: Path) -> None:
    with pytest.raises(StorageDenied, match="whole NAS"):
        nas.rm("nas://one:/", recursive=True)
    assert (tmp_path / "nas/one").is_dir()


def test_nothing_configured_and_nothing_there(nas: NasFileSystem) -> None:
    with pytest.raises(StorageDenied, match="EASYMAKER_NAS_ROOT"):
        NasFileSystem(StorageOptions(), skip_instance_cache=True).ls("one:/")
    with pytest.raises(StorageNotFound, match=r"nas://one:/missing does not exist"):
        nas.cat_file("nas://one:/missing")
    assert not nas.exists("nas://one:/missing")


def test_trees_to_and_from_a_nas(nas_options: StorageOptions, tmp_path: Path) -> None:
    source = tmp_path / "s"
    (source / "한국어").mkdir(parents=True)
    (source / "한국어/a b.txt").write_bytes(b"x")
    (source / "big").write_bytes(os.urandom(3_000_000))
    assert upload(source, "nas://one:/models/v1", nas_options).files == 2
    (tmp_path / "nas/one/models/v1/stolen").symlink_to(tmp_path / "secret")
    summary = download("nas://one:/models", tmp_path / "out", nas_options)
    assert (summary.files, summary.bytes) == (2, 3_000_001)
    assert (tmp_path / "out/v1/big").read_bytes() == (source / "big").read_bytes()
    assert download("nas://one:/models/v1/big", tmp_path / "one", nas_options).files == 1
    with pytest.raises(StorageNotFound):
        download("nas://one:/nothing", tmp_path / "out", nas_options)
