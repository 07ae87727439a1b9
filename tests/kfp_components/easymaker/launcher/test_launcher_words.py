"""What the launcher says and documents: readable, one line, and the same in the README as in the code."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from kfp_components.easymaker.launcher import spec
from kfp_components.easymaker.launcher.child import ChildEnd
from kfp_components.easymaker.launcher.exit_codes import ExitCode
from kfp_components.easymaker.launcher.messages import duration, one_line
from kfp_components.easymaker.launcher.run import judge

README = Path(spec.__file__).with_name("README.md").read_text(encoding="utf-8")


def test_the_readme_has_every_exit_code_and_no_other() -> None:
    documented = {name: int(code) for code, name in re.findall(r"^\| (\d+) \| (\w+) \|", README, re.MULTILINE)}
    assert documented == {code.name: int(code) for code in ExitCode}


def test_the_readme_has_every_field_of_the_spec() -> None:
    section = README.partition("## Spec")[2].partition("## What the entry point sees")[0]
    assert {field.name for field in fields(spec.LauncherSpec)} <= set(re.findall(r"`(\w+)`", section))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5 s"), (60, "1 min"), (90, "1 min 30 s"), (3600, "1 h"), (2_592_000, "720 h")]
)
def test_a_duration_reads_as_a_person_would_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_users_text_stays_on_its_line() -> None:
    assert one_line("a\nb\x1b[31m\u2028c\u202ed 한글") == "a b [31m c d 한글"


@pytest.mark.parametrize(
    ("returncode", "code", "sentence"),
    [
        (0, ExitCode.SUCCESS, "The training ended well."),
        (1, ExitCode.ENTRY_POINT_FAILED, "The entry point ended with exit code 1."),
        (255, ExitCode.ENTRY_POINT_FAILED, "The entry point ended with exit code 255."),
        (
            -11,
            ExitCode.ENTRY_POINT_FAILED,
            "The entry point was ended by signal 11 (SIGSEGV): exit code : -11 (pid: 7)",
        ),
    ],
)
def test_an_end_is_judged_by_what_the_process_returned(returncode: int, code: ExitCode, sentence: str) -> None:
    outcome = judge(ChildEnd(7, returncode, interrupted=False))
    assert (outcome.code, outcome.reason) == (code, sentence)
