"""Storage for steps: an operator's settings win, else a token of the API, private and renewed before it ends."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kfp_components.easymaker.easymaker_api import storage_access
from kfp_components.easymaker.easymaker_api.storage_access import storage_environment
from tests.conftest import PATIENCE, wait_for
from tests.kfp_components.easymaker.answering_server import Answer, Request, answering

GIVEN = {"EM_APPKEY": "team", "EM_TOKEN": "t", "EASYMAKER_OBS_URI": "obs://127.0.0.1:9/v1/AUTH_x/c"}


def token(number: int, seconds: float) -> Answer:
    expires = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f%z")
    return 200, {"header": {"isSuccessful": True}, "access": {"token": {"id": f"token-{number}", "expires": expires}}}


def test_a_token_is_kept_in_a_private_file_and_renewed() -> None:
    calls: list[Request] = []

    def answer(request: Request) -> Answer:
        calls.append(request)
        return token(len(calls), 1.5)

    with answering(answer) as server:
        with storage_environment(GIVEN | {"EM_API_URL": server.url}) as environ:
            path = Path(environ["EASYMAKER_OBS_TOKEN_FILE"])
            assert path.stat().st_mode & 0o077 == 0
            assert environ["EASYMAKER_OBS_HOSTS"] == "127.0.0.1:9"
            wait_for(lambda: path.read_text() != "token-1", PATIENCE, "a new token")
        assert not path.exists()
    assert calls[0].path == "/token/v1.0/appkeys/team/groups/local/iaas-token"


@pytest.mark.parametrize(
    "given",
    [
        {"EASYMAKER_NAS_ROOT": "/nas"},
        GIVEN,
        GIVEN | {"EM_API_URL": "http://127.0.0.1:9", "EASYMAKER_OBS_TOKEN_FILE": "/run/token"},
        {"EM_API_URL": "http://127.0.0.1:9", "EASYMAKER_NAS_ROOT": "/nas"},
    ],
    ids=["no API", "no address of the API", "a token file", "no object storage"],
)
def test_otherwise_the_environment_stays_as_it_is(given: dict[str, str]) -> None:
    with storage_environment(given) as environ:
        assert environ == given


def test_the_mount_of_pipelines_is_the_nas_where_nothing_else_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_access, "NAS_MOUNT", str(tmp_path))
    with storage_environment({}) as environ:
        assert environ == {"EASYMAKER_NAS_ROOT": str(tmp_path)}
    with storage_environment({"EASYMAKER_NAS_ROOT": "/elsewhere"}) as environ:
        assert environ["EASYMAKER_NAS_ROOT"] == "/elsewhere"
