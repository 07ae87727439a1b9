"""What a step leaves is handed out as it is, and nothing that it points to."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from adapters.easymaker.engines.local.pipeline_downloads import PIECE, content_of
from adapters.easymaker.errors import NotFound


def test_a_file_comes_whole_in_pieces(tmp_path: Path) -> None:
    written = os.urandom(2 * PIECE + 17)
    (tmp_path / "model").write_bytes(written)
    content = content_of(tmp_path / "model", "model")
    assert content.name == "model"
    assert b"".join(content.pieces) == written


def test_links_and_pipes_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "nothing"):
        with pytest.raises(NotFound):
            content_of(tmp_path / name, name)


def test_a_folder_is_an_archive_that_tar_reads(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    deep = folder / ("long name " * 12) / "ünïcode"
    deep.mkdir(parents=True)
    files = {"empty": b"", "block": b"x" * 512, "more": os.urandom(PIECE + 1)}
    for name, written in files.items():
        (deep / name).write_bytes(written)
    (deep / "link").symlink_to("/etc/passwd")
    os.mkfifo(deep / "pipe")
    content = content_of(folder, "parts")
    assert (content.name, content.media_type) == ("parts.tar", "application/x-tar")
    with tarfile.open(fileobj=io.BytesIO(b"".join(content.pieces))) as archive:
        inside = {Path(m.name).name: archive.extractfile(m) for m in archive.getmembers() if m.isfile()}
        assert {name: file.read() for name, file in inside.items() if file} == files
        assert len(archive.getmembers()) == 3 + len(files)


def test_a_file_that_shrinks_while_it_is_read_does_not_spoil_the_archive(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "a").write_bytes(b"x" * (4 * PIECE))
    (folder / "b").write_bytes(b"b")
    pieces = content_of(folder, "parts").pieces
    read = [next(pieces), next(pieces), next(pieces)]
    os.truncate(folder / "a", 0)
    with tarfile.open(fileobj=io.BytesIO(b"".join([*read, *pieces]))) as archive:
        last = archive.extractfile("parts/b")
        assert last is not None
        assert last.read() == b"b"
