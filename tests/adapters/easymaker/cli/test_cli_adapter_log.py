"""Reading and rotating the adapter's log."""

import json
from itertools import islice
from pathlib import Path

import pytest

from adapters.easymaker.cli import adapter_log


def entry(event: str, level: str = "info", **more: str) -> str:
    return json.dumps({"event": event, "level": level, **more}) + "\n"


def test_rotation_keeps_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "adapter.log"
    for number in range(6):
        path.write_text(f"{number}" * 10)
        adapter_log.rotate(path, limit=10)
    assert not path.exists()
    assert [(tmp_path / f"adapter.log.{n}").read_text()[0] for n in (1, 2, 3)] == ["5", "4", "3"]
    assert not (tmp_path / "adapter.log.4").exists()


def test_small_log_stays(tmp_path: Path) -> None:
    path = tmp_path / "adapter.log"
    adapter_log.rotate(path)
    path.write_text("x")
    adapter_log.rotate(path)
    assert path.read_text() == "x"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", ""),
        (entry("fine"), ""),
        ("EASYMAKER_PORT: not a number\n", "EASYMAKER_PORT: not a number"),
        (entry("disk full", "error") + entry("bye"), "disk full"),
        (
            entry("x", "error", exception="Traceback …\n  File\nOSError: no space") + entry("over", "error"),
            "OSError: no space",
        ),
        (entry("Traceback\n  File\nadapters.easymaker.errors.Unavailable: no database", "error"), "no database"),
        ("not json {\n" + "\xff\n", "\xff"),
    ],
)
def test_reason_of_a_failed_start(tmp_path: Path, log: str, reason: str) -> None:
    path = tmp_path / "adapter.log"
    path.write_text(entry("trouble of an earlier start", "error") + log, encoding="utf-8")
    assert adapter_log.trouble_since(path, len(entry("trouble of an earlier start", "error"))) == reason


def test_following_outlives_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "adapter.log"
    path.write_text("one\ntw")
    steps = iter(["o\n", None, "new\n"])

    def wait() -> None:
        step = next(steps)
        if step is None:
            path.replace(tmp_path / "adapter.log.1")
            path.touch()
        else:
            with path.open("a") as file:
                file.write(step)

    assert list(islice(adapter_log.follow(path, 0, wait), 3)) == ["one", "two", "new"]
