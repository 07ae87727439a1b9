"""A run's token opens its own appkey, while it is issued, and nothing else."""

import stat
import uuid
from pathlib import Path

import pytest

from adapters.easymaker.access import Principal, Role
from adapters.easymaker.engines.local.home import LocalHome
from adapters.easymaker.engines.local.pipeline_tokens import RunsAndOthers, RunTokens
from adapters.easymaker.errors import Unauthenticated

RUN, OTHER = str(uuid.uuid4()), str(uuid.uuid4())


class Nobody:
    longest_token = 512

    def authenticate(self, token: str) -> Principal:
        raise Unauthenticated("nobody knows it")


@pytest.fixture
def tokens(tmp_path: Path) -> RunTokens:
    home = LocalHome(tmp_path / "home", tmp_path / "nas", tmp_path / "home" / "secrets")
    home.create()
    return RunTokens(home)


def test_it_opens_the_runs_appkey_until_it_is_taken_back(tokens: RunTokens) -> None:
    token = tokens.issue(RUN, "mine")
    assert tokens.principal(token) == Principal(f"pipeline-run-{RUN}", {"mine": Role.OWNER})
    assert tokens.issue(RUN, "mine") == token, "a repeated start does not lock out what has started"
    tokens.revoke(RUN)
    tokens.revoke(RUN)
    assert tokens.principal(token) is None


def test_another_run_or_a_changed_token_is_nobody(tokens: RunTokens) -> None:
    token = tokens.issue(RUN, "mine")
    tokens.issue(OTHER, "mine")
    changed = token[:-1] + ("0" if token[-1] != "0" else "1")
    for wrong in (token.replace(RUN, OTHER), changed, f"run.{RUN}.", "run.../../tokens.json.x", "", token + "0"):
        assert tokens.principal(wrong) is None, wrong


def test_the_files_are_the_adapters_alone(tokens: RunTokens) -> None:
    token = tokens.issue(RUN, "mine")
    (file,) = (tokens.home.secrets / "pipeline-runs").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token.rpartition(".")[2] not in file.read_text()


def test_what_is_no_runs_token_is_for_others_to_judge(tokens: RunTokens) -> None:
    both = RunsAndOthers(tokens, Nobody())
    token = tokens.issue(RUN, "mine")
    assert both.authenticate(token).name == f"pipeline-run-{RUN}"
    tokens.revoke(RUN)
    with pytest.raises(Unauthenticated, match="while the run goes on"):
        both.authenticate(token)
    with pytest.raises(Unauthenticated, match="nobody knows it"):
        both.authenticate("a user's token")


def test_what_a_kill_in_the_middle_of_issuing_left_goes_too(tokens: RunTokens) -> None:
    """The file is written beside its place first; that of another run stays."""
    tokens.issue(RUN, "local")
    directory = tokens.home.secrets / "pipeline-runs"
    partial, other = directory / f".{RUN}.4711.0badcafe", directory / ".another-run.4711.0badcafe"
    for path in (partial, other):
        path.write_text("local")
    tokens.revoke(RUN)
    assert list(directory.iterdir()) == [other]
