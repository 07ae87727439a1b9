"""Tokens on disk: what the adapter reads, under two changers at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.easymaker.api.authentication import Role, TokenFile
from adapters.easymaker.cli import tokens
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import CliError
from adapters.easymaker.errors import Unauthenticated
from adapters.easymaker.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Installation:
    return Installation(Settings(home=tmp_path / "home"))


def accepted(home: Installation, token: str) -> dict[str, Role]:
    return dict(TokenFile(home.settings.secrets_dir / "tokens.json").authenticate(token).roles)


def test_first_token_is_made_once_and_owns_the_appkey(home: Installation) -> None:
    token = tokens.first_token(home)
    assert tokens.first_token(home) == token == tokens.known_token(home)
    assert accepted(home, token) == {"local": Role.OWNER}


def test_first_token_follows_a_changed_appkey(home: Installation) -> None:
    token = tokens.first_token(home)
    other = Installation(Settings(home=home.settings.home, appkey="other"))
    assert tokens.first_token(other) == token
    assert accepted(home, token) == {"local": Role.OWNER, "other": Role.OWNER}


def test_removed_first_token_is_made_anew(home: Installation) -> None:
    old = tokens.first_token(home)
    tokens.remove(home, tokens.FIRST)
    with pytest.raises(CliError, match="removed"):
        tokens.known_token(home)
    new = tokens.first_token(home)
    assert new != old
    with pytest.raises(Unauthenticated):
        accepted(home, old)


def test_adding_at_once_loses_none(home: Installation) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: tokens.add(home, f"t{n}", ["local"], Role.READER), range(24)))
    assert len(tokens.listing(home)) == 24
    assert all(accepted(home, token) == {"local": Role.READER} for token in made)


@pytest.mark.parametrize(("name", "appkey"), [("a b", "local"), ("", "local"), ("x", "Local"), ("x", "a/b"), ("x", "")])
def test_names_are_checked(home: Installation, name: str, appkey: str) -> None:
    with pytest.raises(CliError):
        tokens.add(home, name, [appkey], Role.OWNER)
    assert tokens.listing(home) == []
