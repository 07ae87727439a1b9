"""Commands against an installation that runs."""

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import requests

from tests.conftest import PATIENCE, wait_for


def api(running_cli: Any, token: str, path: str = "experiments", appkey: str = "local") -> requests.Response:
    url = f"http://127.0.0.1:{running_cli.ports[0]}/v1.0/appkeys/{appkey}/{path}"
    return requests.get(url, headers={"X-EasyMaker-Token": token}, timeout=PATIENCE)


def test_status_names_every_part_and_counts_resources(running_cli: Any) -> None:
    shown = running_cli.json("status")
    assert shown["running"] is True
    states = {part["name"]: part["state"] for part in shown["parts"]}
    assert states == dict.fromkeys(("PostgreSQL", "API", "object storage", "gateway"), "RUNNING")
    assert {entry["kind"] for entry in shown["resources"]} >= {"Experiment", "Training", "Endpoint stage"}


def test_status_counts_by_status(running_cli: Any) -> None:
    variables = running_cli.json("env")
    base = f"{variables['EM_API_URL']}/v1.0/appkeys/local/experiments"
    headers = {"X-EasyMaker-Token": variables["EM_TOKEN"]}
    made = requests.post(base, json={"experimentName": "counted"}, headers=headers, timeout=PATIENCE).json()[
        "experiment"
    ]
    try:
        counted = {entry["kind"]: entry for entry in running_cli.json("status")["resources"]}
        assert counted["Experiment"]["total"] == 1
        assert sum(counted["Experiment"]["statuses"].values()) == 1
        assert "Experiment" in running_cli.run("status").stdout
    finally:
        url = f"{base}/{made['experimentId']}"
        requests.delete(url, headers=headers, timeout=PATIENCE)
        # Other tests of this installation count as well.
        wait_for(
            lambda: requests.get(url, headers=headers, timeout=PATIENCE).status_code == 404, PATIENCE, "it is gone"
        )


def test_a_second_up_finds_the_first(running_cli: Any) -> None:
    """--detach wants it up, and it is; in the foreground there is nothing to hold on to."""
    again = running_cli.run("up", "--detach", "-o", "json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["running"] is True
    refused = running_cli.run("up")
    assert refused.returncode == 1
    assert "already up" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_env_is_good_for_a_shell_and_for_the_sdk(running_cli: Any) -> None:
    """The home's path is hostile to shells; the variables reach API and storage all the same."""
    done = running_cli.run("env")
    assert done.returncode == 0
    script = f"{done.stdout}\nenv -0"
    shell = subprocess.run(["bash", "-c", script], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True)
    seen = dict(entry.split("=", 1) for entry in shell.stdout.decode().split("\0") if "=" in entry)
    assert seen["EM_APPKEY"] == "local"
    assert api(running_cli, seen["EM_TOKEN"]).json()["header"]["isSuccessful"] is True
    bundle = Path(seen["REQUESTS_CA_BUNDLE"])
    assert bundle.parent == running_cli.home
    assert bundle.read_text().count("BEGIN CERTIFICATE") > 50
    gateway = f"https://127.0.0.1:{running_cli.ports[1]}/nothing"
    assert requests.get(gateway, verify=str(bundle), timeout=PATIENCE).status_code == 404
    assert seen["EASYMAKER_OBS_URI"].startswith(f"obs://127.0.0.1:{running_cli.ports[2]}/v1/AUTH_")


def test_secrets_are_for_the_owner_alone(running_cli: Any) -> None:
    secrets = running_cli.home / "secrets"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    for name in ("token", "tokens.json"):
        assert stat.S_IMODE((secrets / name).stat().st_mode) == 0o600
    token = (secrets / "token").read_text()
    assert len(token) >= 43
    assert token not in (secrets / "tokens.json").read_text()


def test_tokens_are_added_listed_used_and_removed(running_cli: Any) -> None:
    added = running_cli.json("token", "add", "ci", "--appkey", "local", "--role", "reader")
    assert api(running_cli, added["token"]).status_code == 200
    assert api(running_cli, added["token"], appkey="other").status_code == 403
    listed = {entry["name"]: entry["roles"] for entry in running_cli.json("token", "list")["tokens"]}
    assert listed["ci"] == {"local": "reader"}
    assert added["token"] not in running_cli.run("token", "list").stdout
    twice = running_cli.run("token", "add", "ci", "--appkey", "local")
    assert (twice.returncode, "token remove ci" in twice.stderr) == (1, True)
    assert running_cli.json("token", "remove", "ci") == {"removed": "ci"}
    assert api(running_cli, added["token"]).status_code == 401
    assert running_cli.run("token", "remove", "ci").returncode == 1


def test_logs_of_the_adapter(running_cli: Any) -> None:
    shown = running_cli.json("logs", "-n", "5")
    assert len(shown["lines"]) == 5
    assert all(json.loads(line)["event"] for line in shown["lines"])
    text = running_cli.run("logs", "-n", "3")
    assert len(text.stdout.splitlines()) == 3


def test_logs_of_what_is_not_there(running_cli: Any) -> None:
    unknown = running_cli.run("logs", "training", "0" * 8)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "there is no training" in unknown.stderr
    for arguments in (("teapot", "1"), ("training", "../secret")):
        assert running_cli.run("logs", *arguments).returncode == 2


def test_adapter_log_is_followed(running_cli: Any) -> None:
    """A line that is written after the command has begun arrives."""
    follower = running_cli.spawn("logs", "-f", "-n", "1")
    try:
        assert follower.stdout is not None
        assert follower.stdout.readline()
        path = f"/follow-{os.getpid()}"
        requests.get(f"http://127.0.0.1:{running_cli.ports[0]}{path}", timeout=PATIENCE)
        assert any('"status": 404' in follower.stdout.readline() for _ in range(50))
    finally:
        follower.terminate()
        follower.communicate(timeout=PATIENCE)


def test_routes_shows_every_rule(running_cli: Any) -> None:
    shown = running_cli.json("routes")["routes"]
    rules = {(row["method"], row["path"]): row["rule"] for row in shown}
    assert rules["POST", "/v1.0/appkeys/{appkey}/trainings"] == "write"
    assert rules["GET", "/platform"] == "signed-in"
    assert "closed" not in rules.values()


def test_text_output_ends_with_a_hint_and_has_no_escapes(running_cli: Any) -> None:
    """Pipes get plain text; what to do next goes to stderr, so that it is never parsed."""
    for command in (("status",), ("env",), ("token", "list"), ("logs", "-n", "1")):
        done = running_cli.run(*command)
        assert done.returncode == 0, done.stderr
        assert done.stderr.splitlines()[-1].startswith("Next: "), command
        assert "\x1b" not in done.stdout + done.stderr
