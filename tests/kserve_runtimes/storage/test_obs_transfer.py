"""Whole trees to a real Swift and back: large objects, hostile names, and nothing ever written elsewhere."""

import hashlib
import os
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from kserve_runtimes.storage import (
    InvalidStorageUri,
    ObsFileSystem,
    StorageNotFound,
    StorageOptions,
    download,
    listing,
    upload,
)


def _write(root: Path, name: str, content: bytes) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _tree(root: Path) -> dict[str, str]:
    """Relative name -> checksum; what temporary files would be left counts too."""
    files = [path for path in root.rglob("*") if not path.is_dir()]
    return {path.relative_to(root).as_posix(): hashlib.md5(path.read_bytes()).hexdigest() for path in files}


def test_a_tree_comes_back_as_it_was(options: StorageOptions, container: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in (
        "train.py",
        "empty",
        "with blank/a.csv",
        "한국어/모델.bin",
        "😀/a#b?c%41.txt",
        "deep/er/and/deeper/x",
        ".hidden",
    ):
        _write(source, name, name.encode() * 100 if name != "empty" else b"")
    summary = upload(source, f"{container.uri}/tree", options)
    assert (summary.files, summary.skipped) == (7, ())
    assert [entry.name for entry in listing(f"{container.uri}/tree", options, limit=2)] == [
        ".hidden",
        "deep/er/and/deeper/x",
    ]
    assert download(f"{container.uri}/tree", tmp_path / "back", options) == summary
    assert _tree(tmp_path / "back") == _tree(source)
    assert download(f"{container.uri}/tree/", tmp_path / "again", options) == summary


def test_one_file_keeps_its_name(options: StorageOptions, container: Any, tmp_path: Path) -> None:
    _write(tmp_path, "model.bin", b"weights")
    upload(tmp_path / "model.bin", f"{container.uri}/m", options)
    assert download(f"{container.uri}/m/model.bin", tmp_path / "out", options).files == 1
    assert (tmp_path / "out/model.bin").read_bytes() == b"weights"


def test_a_container_as_a_whole(options: StorageOptions, container: Any, tmp_path: Path) -> None:
    assert download(container.uri, tmp_path / "nothing", options).files == 0
    _write(tmp_path / "s", "a/b", b"x")
    upload(tmp_path / "s", container.uri, options)
    download(container.uri, tmp_path / "out", options)
    assert _tree(tmp_path / "out") == _tree(tmp_path / "s")


def test_a_prefix_is_no_directory(options: StorageOptions, container: Any, tmp_path: Path) -> None:
    """data must not bring data2 with it."""
    container.put("data/a", b"1")
    container.put("data2/b", b"2")
    assert download(f"{container.uri}/data", tmp_path / "out", options).files == 1
    with pytest.raises(StorageNotFound, match="dat does not exist, or nothing lies there"):
        download(f"{container.uri}/dat", tmp_path / "out", options)


def test_large_objects_are_stored_in_segments_and_seen_as_one(
    segmented: StorageOptions, container: Any, tmp_path: Path
) -> None:
    content = os.urandom(250_001)
    _write(tmp_path / "s", "model.bin", content)
    _write(tmp_path / "s", "model.bin.json", b"{}")
    upload(tmp_path / "s", f"{container.uri}/m", segmented)
    fs = ObsFileSystem(segmented, skip_instance_cache=True)
    root = ObsFileSystem._strip_protocol(container.uri)
    assert len(fs.find(root + "_segments")) == 9
    assert {entry.name: entry.size for entry in listing(container.uri, segmented)} == {
        "m/model.bin": 250_001,
        "m/model.bin.json": 2,
    }
    download(f"{container.uri}/m", tmp_path / "out", segmented)
    assert _tree(tmp_path / "out") == _tree(tmp_path / "s")
    with fs.open(f"{root}/m/model.bin", "rb") as file:
        file.seek(89_990)
        assert file.read(20) == content[89_990:90_010]
    assert root + "_segments" not in fs.ls(root.rpartition("/")[0], detail=False)


def test_replacing_and_removing_a_large_object_leaves_no_segments(
    segmented: StorageOptions, container: Any, tmp_path: Path
) -> None:
    fs = ObsFileSystem(segmented, skip_instance_cache=True)
    root = ObsFileSystem._strip_protocol(container.uri)
    _write(tmp_path, "big", os.urandom(100_001))
    upload(tmp_path / "big", container.uri, segmented)
    first = fs.find(root + "_segments")
    upload(tmp_path / "big", container.uri, segmented)
    second = fs.find(root + "_segments")
    assert len(first) == len(second) == 4
    assert not set(first) & set(second)
    fs.cp_file(f"{root}/big", f"{root}/copy")
    assert fs.cat_file(f"{root}/copy") == (tmp_path / "big").read_bytes()
    fs.rm(f"{root}/big")
    fs.pipe_file(f"{root}/copy", b"small now")
    assert fs.find(root + "_segments") == []


def test_the_official_sdks_layout_of_large_objects(options: StorageOptions, container: Any, tmp_path: Path) -> None:
    """Segments below the object's own path, a manifest that names that path, and neighbours that begin alike."""
    for number in (1, 2, 3):
        container.put(f"m/model.bin/{number:03d}", b"%d" % number * 1000)
    container.put("m/model.bin", X_Object_Manifest=quote(f"{container.name}/m/model.bin"))
    container.put("m/model.bin.index.json", b"{}")
    expected = b"1" * 1000 + b"2" * 1000 + b"3" * 1000
    assert {entry.name: entry.size for entry in listing(f"{container.uri}/m", options)} == {
        "model.bin": 3000,
        "model.bin.index.json": 2,
    }
    for uri, out in ((f"{container.uri}/m", tmp_path / "tree"), (f"{container.uri}/m/model.bin", tmp_path / "one")):
        download(uri, out, options)
        assert (out / "model.bin").read_bytes() == expected
    fs = ObsFileSystem(options, skip_instance_cache=True)
    root = ObsFileSystem._strip_protocol(f"{container.uri}/m")
    assert fs.ls(root, detail=False) == [f"{root}/model.bin", f"{root}/model.bin.index.json"]
    fs.rm(f"{root}/model.bin")
    assert fs.find(root) == [f"{root}/model.bin.index.json"]


HOSTILE = [
    "../escaped",
    "a/../../escaped",
    "a/../../../../../../../../../tmp/easymaker-escaped",
    "..",
    "a/..",
    "./x",
    "new\nline",
    "bell\x07",
    "n" * 300,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_an_object_that_would_escape_stops_the_download_before_it_starts(
    options: StorageOptions, container: Any, tmp_path: Path, name: str
) -> None:
    container.put("d/good", b"x")
    container.put(f"d/{name}", b"evil")
    with pytest.raises(InvalidStorageUri):
        download(f"{container.uri}/d", tmp_path / "out", options)
    assert not (tmp_path / "out").exists()
    assert not Path("/tmp/easymaker-escaped").exists()


@pytest.mark.parametrize("name", ["/etc/easymaker-escaped", "//etc/easymaker-escaped"])
def test_absolute_names_stay_below_the_destination(
    options: StorageOptions, container: Any, tmp_path: Path, name: str
) -> None:
    container.put(name, b"x")
    download(container.uri, tmp_path / "out", options)
    assert (tmp_path / "out/etc/easymaker-escaped").read_bytes() == b"x"
    assert not Path("/etc/easymaker-escaped").exists()


def test_a_link_in_the_destination_is_not_followed(options: StorageOptions, container: Any, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/dir").symlink_to(tmp_path / "outside")
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / "out/file").symlink_to(tmp_path / "victim")
    container.put("a/file", b"new")
    container.put("b/dir/x", b"evil")
    download(f"{container.uri}/a", tmp_path / "out", options)
    assert (tmp_path / "victim").read_text() == "untouched"
    assert (tmp_path / "out/file").read_bytes() == b"new"
    with pytest.raises(InvalidStorageUri, match="outside"):
        download(f"{container.uri}/b", tmp_path / "out", options)
    assert list((tmp_path / "outside").iterdir()) == []


def test_what_leads_out_of_the_tree_is_not_uploaded(options: StorageOptions, container: Any, tmp_path: Path) -> None:
    source = tmp_path / "s"
    _write(source, "blobs/abc", b"weights")
    (source / "model.bin").symlink_to("blobs/abc")
    (source / "passwd").symlink_to("/etc/passwd")
    (source / "etc").symlink_to("/etc")
    (source / "dangling").symlink_to("nowhere")
    os.mkfifo(source / "pipe")
    (source / os.fsdecode(b"latin-\xe9")).write_bytes(b"x")
    summary = upload(source, f"{container.uri}/t", options)
    assert sorted(summary.skipped) == ["dangling", "etc", "latin-\\udce9", "passwd", "pipe"]
    assert {entry.name for entry in listing(f"{container.uri}/t", options)} == {"blobs/abc", "model.bin"}


def test_memory_stays_bounded_whatever_the_size(options: StorageOptions, container: Any, tmp_path: Path) -> None:
    size = 192 * 1024 * 1024
    with (tmp_path / "big").open("wb") as file:
        file.truncate(size)
    segmented = replace(options, large_object_size=size, segment_size=48 * 1024 * 1024)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    upload(tmp_path / "big", container.uri, segmented)
    assert download(f"{container.uri}/big", tmp_path / "out", options).bytes == size
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, f"{grown} KiB more for {size >> 10} KiB of data"


def test_other_schemes_only_where_the_operator_allows_them(options: StorageOptions, tmp_path: Path) -> None:
    _write(tmp_path / "s", "a/b.txt", b"x")
    with pytest.raises(InvalidStorageUri, match="cannot be used here"):
        download(f"file://{tmp_path}/s", tmp_path / "out", options)
    allowed = replace(options, allowed_schemes=("file",))
    assert download(f"file://{tmp_path}/s", tmp_path / "out", allowed).files == 1
    assert _tree(tmp_path / "out") == _tree(tmp_path / "s")
    assert upload(tmp_path / "s", f"file://{tmp_path}/up", allowed).files == 1
    with pytest.raises(InvalidStorageUri):
        download("obs://h/v1/AUTH_t/c", tmp_path / "out", allowed)
