"""Hostile names and URIs in every string field of every create and update body: refused clearly, or kept exactly."""

import itertools
import json
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psutil
import pytest

from adapters.easymaker.kinds import KINDS
from tests.conftest import PATIENCE
from tests.small_pipeline import manifest

SEED = 20260101
GENERATED = 500
URIS = [
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "http://127.0.0.1:10090/v1.0",
    "http://user:password-in-a-uri@127.0.0.1/x",
    "s3://bucket/../x",
    "s3://key:secret-in-a-uri@bucket/x",
    "gs://bucket",
    "hf://model",
    "memory://x",
    "local://x",
    "zip://x::http://127.0.0.1/",
    "obs://169.254.169.254/v1/AUTH_a/c/p",
    "obs://[::1]/v1/AUTH_a/c",
    "obs://0x7f000001/v1/AUTH_a/c",
    "obs://2130706433/v1/AUTH_a/c",
    "obs://localhost:22/v1/AUTH_a/c",
    "obs://evil.example@127.0.0.1/v1/AUTH_a/c",
    "obs://127.0.0.1:99999/v1/AUTH_a/c",
    "obs://127.0.0.1/v1/AUTH_a/c/../../AUTH_b/c",
    "obs://127.0.0.1/v1/AUTH_a/c/%2e%2e/%2e%2e/AUTH_b/c",
    "obs://127.0.0.1/v1/AUTH_a/c/%252e%252e/x",
    "obs://127.0.0.1/v1/AUTH_a/c/%2fetc",
    "obs://127.0.0.1/v1/AUTH_a/c/a#b",
    "obs://127.0.0.1/v1/AUTH_a/c/a?b",
    "obs://127.0.0.1/v1/AUTH_a//c",
    "obs://127.0.0.1/v2/AUTH_a/c",
    "obs://127.0.0.1/v1/AUTH_../c",
    "nas://../:/etc",
    "nas://data:/../../secrets",
    "nas://data:/%2e%2e/%2e%2e/secrets",
    "nas://data:/a/./b",
    "nas://data:/a//b",
    "nas://data/a",
    "nas://:/a",
    "nas://a/b:/c",
    "nas://..:/c",
    "nas://data:/a\\..\\b",
    "NAS://data:/x",
    "/etc/passwd",
    "~/.ssh/id_rsa",
    "\\\\server\\share",
    "javascript:alert(1)",
    "data:text/plain,x",
]
TEXTS = [
    "../../../../etc/passwd",
    "..\\..\\windows",
    "%2e%2e%2f%2e%2e%2f",
    "%252e%252e",
    "a\x00b",
    "a#b",
    "a?b=c",
    "a\nb",
    "a\r\nSet-Cookie: x=y",
    "a\u2028b",
    "a\u202egnp.exe",
    "a\u200bb",
    "\ufeffa",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢🙂👨‍👩‍👧‍👦",
    "Z̸̢̛a̶l̷g̶o̸" * 5,
    "\ud800",
    "a\udfffb",
    "\x1b[31mred\x1b[0m",
    "\x7f\x80\x9f",
    "\uffff\ufffe",
    "'; DROP TABLE resources; --",
    "' OR '1'='1",
    "%s%s%s%n",
    "{0.__class__.__mro__}",
    "{{7*7}}${7*7}#{7*7}",
    "$(touch /tmp/pwned)`id`;id|id&id",
    "-rf",
    "--help",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|' /C calc'!A0",
    "\\u0000",
    "null",
    "true",
    "NaN",
    "1e999",
    "__proto__",
    "__class__",
    "CON",
    "a" * 51,
    "a" * 256,
    "a" * 1001,
    "a" * 100_000,
    "(" * 5000,
    "((a+)+)+$" + "a" * 200,
    "https://" + "a." * 2000,
    " leading",
    "trailing ",
    "\t",
    " ",
    "",
    ".",
    "..",
    "/",
    "//",
    "a/b",
    "ﬁ",
    "İ",
    "ß",
    "é",
    "e\u0301",
]
PIECES = [*"abz09-_./\\:%?#&=+@!$'\"(){}[]<>|;,~`^* ", "..", "%2e", "%00", "://", "nas://d:/", "obs://h/v1/AUTH_t/c/"]
PIECES += ["\u202e", "\u0301", "🙂", "\n", "\x00", "\x1b", "\ud800", "{{", "$(", "한", "\u2066", "%c0%ae", "::"]


def generated() -> Iterator[str]:
    """Reproducible mixtures of what is hostile on its own."""
    chance = random.Random(SEED)
    for _ in range(GENERATED):
        yield "".join(chance.choices(PIECES, k=chance.randint(1, 40)))


def string_fields(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(body, dict):
        for name, value in body.items():
            yield from string_fields(value, (*path, name))
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield from string_fields(value, (*path, index))
    elif isinstance(body, str):
        yield path


def replaced(body: Any, path: tuple[Any, ...], value: str) -> Any:
    copied = json.loads(json.dumps(body))
    inner = copied
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return copied


def found(answer: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        answer = answer[step] if isinstance(answer, list) or step in answer else None
        if answer is None:
            return None
    return answer


TUNED = {
    "hyperparameterSpecList": [
        {
            "hyperparameterName": "x",
            "hyperparameterTypeCode": "int",
            "hyperparameterMinValue": "1",
            "hyperparameterMaxValue": "9",
            "hyperparameterStep": "2",
            "defaultValue": "1",
        },
        {
            "hyperparameterName": "y",
            "hyperparameterTypeCode": "categorical",
            "hyperparameterSpecifiedValues": "a, b",
        },
    ],
    "metricList": [{"name": "score"}, {"name": "loss"}],
    "metricRegex": r"(\w+)=(\S+)",
    "earlyStoppingAlgorithm": "MEDIAN",
}


SPAN = {"scheduleStartDatetime": "2030-01-01T00:00:00Z", "scheduleEndDatetime": "2040-01-01T00:00:00Z"}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


def full_bodies(population: Any) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Create bodies with every string field that there is, by kind: (method, path, body)."""
    bodies = population.bodies()
    ids = population.ids
    settings = {
        "hyperparameterList": [{"parameterName": "epochs", "parameterValue": "1"}],
        "datasetList": [
            {
                "datasetName": "d",
                "dataUri": "nas://d:/x",
                "datasetFormatCode": "COMPLETION",
                "datasetSplitCode": "TRAIN",
            }
        ],
        "checkPointInputUri": "nas://d:/in",
        "checkPointUploadUri": "nas://d:/out",
        "parentPipelineRunId": "run",
        "parentPipelineRunTaskName": "task",
        "description": "d",
    }
    resource = {
        "modelId": ids["model"],
        "apigwResourceUri": "/inference",
        "resourceOptionDetail": {"cpu": "10m", "memory": "10Mi", "gpu": "0"},
        "description": "d",
        "podAutoScaleEnable": True,
        "scaleMetricCode": "CPU_UTILIZATION",
    }
    model = {"frameworkVersion": "1", "parameterList": [{"parameterName": "n", "parameterValue": "v"}]}
    stage = {"endpointModelResourceList": [resource]}
    arguments = {"parameterList": [{"parameterName": "text", "parameterValue": "v"}], "description": "d"}
    return {
        "experiment": ("POST", "/experiments", bodies["experiment"] | {"parentPipelineRunTaskName": "t"}),
        "training": ("POST", "/trainings", bodies["training"] | settings | {"trainingTypeCode": "NORMAL"}),
        "hyperparameterTuning": (
            "POST",
            "/hyperparameter-tunings",
            bodies["hyperparameter-tuning"] | without(settings, "hyperparameterList") | TUNED,
        ),
        "trainingTemplate": ("POST", "/training-templates", bodies["training-template"] | settings),
        "model": ("POST", "/models", bodies["model"] | model),
        "endpoint": ("POST", "/endpoints", bodies["endpoint"] | stage),
        "endpointStage": ("POST", "/endpoint-stages", bodies["endpoint-stage"] | stage),
        "endpointModel": ("POST", "/endpoint-models", bodies["endpoint-model"] | resource),
        # One that is not run here, so that nobody has to ask kfp about it.
        "pipeline": (
            "POST",
            "/pipelines/upload",
            bodies["pipeline"] | {"base64PipelineSpecManifest": manifest(command=("echo",))},
        ),
        "pipelineRun": ("POST", "/pipeline-runs", bodies["pipeline-run"] | arguments),
        "pipelineRecurringRun": (
            "POST",
            "/pipeline-recurring-runs",
            bodies["pipeline-recurring-run"] | arguments | {"scheduleTimeZone": "Asia/Seoul"} | SPAN,
        ),
    }


def updates(population: Any) -> dict[str, tuple[str, str, dict[str, Any]]]:
    ids, named = population.ids, {"description": "d"}
    return {
        "experiment update": ("PUT", f"/experiments/{ids['experiment']}", named | {"experimentName": "n"}),
        "training update": ("PUT", f"/trainings/{ids['training']}", named | {"trainingName": "n"}),
        "hyperparameterTuning update": (
            "PUT",
            f"/hyperparameter-tunings/{ids['hyperparameter-tuning']}",
            named | {"hyperparameterTuningName": "n"},
        ),
        "model update": ("PUT", f"/models/{ids['model']}", named | {"modelName": "n"}),
        "endpoint update": ("PUT", f"/endpoints/{ids['endpoint']}", named | {"endpointName": "n"}),
        "endpointStage update": ("PUT", f"/endpoint-stages/{ids['endpoint-stage']}", named),
        "pipeline update": ("PUT", f"/pipelines/{ids['pipeline']}", named | {"pipelineName": "n"}),
        "pipelineRun update": ("PUT", f"/pipeline-runs/{ids['pipeline-run']}", named | {"pipelineRunName": "n"}),
        "pipelineRecurringRun update": (
            "PUT",
            f"/pipeline-recurring-runs/{ids['pipeline-recurring-run']}",
            named | {"pipelineRecurringRunName": "n"},
        ),
        "endpointModel update": ("PUT", f"/endpoint-models/{ids['endpoint-model']}", named),
        "endpoint default": ("PUT", f"/endpoints/{ids['endpoint']}/default-stage", {"endpointStageId": "x"}),
    }


@pytest.fixture(scope="module")
def attacked(make_installation: Any, populate: Callable[..., Any]) -> Any:
    """An installation of its own: accepted values stay as resources, and its CPU time is measured."""
    installation = make_installation()
    installation.start(workers=1)
    return installation, populate(installation, "local", "of-attacked")


class Attack:
    def __init__(self, installation: Any) -> None:
        self.client = httpx.Client(headers=installation.headers(), timeout=PATIENCE)
        self.base = f"{installation.url}/v1.0/appkeys/local"
        self.process = psutil.Process(installation.adapters[0].pid)
        self.statuses: Counter[int] = Counter()
        self.problems: list[str] = []
        self.slowest = self.spent = 0.0
        """CPU seconds of the adapter: for the worst case, and for all."""

    def send(self, method: str, path: str, body: Any) -> httpx.Response:
        began = self._cpu()
        content = json.dumps(body).encode()  # Lone surrogates become escapes, which is how they get here.
        answer = self.client.request(method, f"{self.base}{path}", content=content)
        used = self._cpu() - began
        self.slowest, self.spent = max(self.slowest, used), self.spent + used
        self.statuses[answer.status_code] += 1
        return answer

    def _cpu(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system

    def judge(self, kind: str, field: tuple[Any, ...], value: str, answer: httpx.Response) -> None:
        told = f"{kind} {field} {value[:60]!r}: {answer.status_code} {answer.text[:200]}"
        if answer.status_code in (400, 404, 409):
            if not answer.json()["header"]["resultMessage"] or len(answer.text) > 20_000:
                self.problems.append(f"no clear refusal: {told}")
            return
        if answer.status_code != 200:
            self.problems.append(told)
            return
        shown = found(next(v for k, v in answer.json().items() if k != "header"), field)
        if shown is not None and shown != value:
            self.problems.append(f"changed into {shown!r}: {told}")


def cases(population: Any) -> Iterator[tuple[str, str, str, dict[str, Any], tuple[Any, ...], str]]:
    """Every text in every field of the quick kinds; every URI in every URI field; a mixture for all the others."""
    targets = full_bodies(population) | updates(population)
    mixtures = itertools.cycle([*generated()])
    for kind, (method, path, body) in targets.items():
        for field in string_fields(body):
            texts = TEXTS if kind.startswith(("experiment", "model")) else TEXTS[::6]
            values = [*texts, *(next(mixtures) for _ in range(8))]
            if "Uri" in str(field[-1]):
                values += URIS
            for value in values:
                yield kind, method, path, body, field, value


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.exhaustive)], ids="one case of {}".format)
def test_every_string_field(step: int, attacked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Every field gets dozens of texts; by default a third of all cases."""
    installation, population = attacked
    attack = Attack(installation)
    began = time.monotonic()
    for kind, method, path, body, field, value in itertools.islice(cases(population), 0, None, step):
        answer = attack.send(method, path, replaced(body, field, value))
        attack.judge(kind, field, value, answer)
    calls = sum(attack.statuses.values())
    with capsys.disabled():
        print(
            f"\nhostile strings: {calls} cases in {time.monotonic() - began:.0f} s, {dict(attack.statuses)}, "
            f"slowest {attack.slowest:.2f} s CPU, problems {len(attack.problems)}"
        )
    assert attack.problems == []
    assert calls >= 1000
    assert attack.slowest < attack.spent / 4, "no text costs as much as hundreds of others"
    assert attack.statuses[200] > 50


@pytest.mark.parametrize("where", ["name", "experimentNameList", "experimentIdList", "status", "sort", "page", "limit"])
def test_list_queries(attacked: Any, where: str) -> None:
    """Texts in a query find nothing or are refused; as a LIKE pattern, regular expression or SQL they mean nothing."""
    installation, _ = attacked
    with httpx.Client(headers=installation.headers(), timeout=PATIENCE) as client:
        for text in [*TEXTS[:40], "%", "_", "\\", "%%%", "1; SELECT 1", "-1", "0", "99999999999999999999", "１"]:
            if len(text) > 5000 or any("\ud800" <= c <= "\udfff" for c in text):
                continue
            answer = client.get(f"{installation.url}/v1.0/appkeys/local/experiments", params={where: text})
            assert answer.status_code in (200, 400), (where, text, answer.text[:200])
            if answer.status_code == 200 and where == "name" and text:
                names = [e["experimentName"] for e in answer.json()["experimentList"]]
                assert all(text.lower() in name.lower() for name in names), (text, names)


def test_ids_in_paths(attacked: Any) -> None:
    installation, _ = attacked
    with httpx.Client(headers=installation.headers(), timeout=PATIENCE) as client:
        for text in TEXTS:
            raw = text.encode("utf-8", "surrogatepass")[:2000]
            escaped = "".join(f"%{byte:02x}" for byte in raw)
            for tail in ("", "/events", "/copy", "/logs", "/stop"):
                url = f"{installation.url}/v1.0/appkeys/local/trainings/{escaped}{tail}"
                answer = client.request("PUT" if tail == "/stop" else "GET", url)
                assert answer.status_code in (400, 404, 405) or not raw, (text, tail, answer.status_code)


def test_what_was_accepted_is_listed_as_it_was_sent(attacked: Any) -> None:
    """After all of the above the lists still work, and events and copies of hostile resources as well."""
    installation, _ = attacked
    api = installation.api()
    name = "../%2e%2e/a#b?c 𝔘🙂 '; DROP TABLE x; --"
    made = api.create("experiments", "experiment", {"experimentName": name, "description": "\u202etxt\n\t<b>"})
    assert made["experimentName"] == name
    found_again = api.ok("GET", "/experiments", params={"experimentNameList": name})["experimentList"]
    assert [e["experimentId"] for e in found_again] == [made["experimentId"]]
    assert found_again[0]["description"] == "\u202etxt\n\t<b>"
    for kind in (each.plural for each in KINDS if not any(query.required for query in each.filters)):
        assert api.ok("GET", f"/{kind}")["totalCount"] > 0


def test_models_at_addresses_that_are_not_storage_here(attacked: Any) -> None:
    """Accepted or not, the adapter opens no connection and no file for them: the trap hears nothing."""
    installation, _ = attacked
    api = installation.api()
    made: dict[str, str] = {}
    with socket.create_server(("127.0.0.1", 0)) as trap:
        port = trap.getsockname()[1]
        trap.settimeout(0.5)
        for uri in (
            f"obs://127.0.0.1:{port}/v1/AUTH_a/c",
            f"http://127.0.0.1:{port}/model.joblib",
            f"https://127.0.0.1:{port}/model.joblib",
            "obs://169.254.169.254/v1/AUTH_a/c",
            "file:///etc",
            "local:///etc",
            "s3://bucket/model",
            "nas://nobody:/model",
        ):
            body = {"modelName": "trap", "modelFormatCode": "PYTORCH", "modelUploadUri": uri}
            answer = api.call("POST", "/models", json=body)
            if answer.status_code == 200:
                made[uri] = answer.json()["model"]["modelId"]
        for uri, model in made.items():
            ended = api.wait("models", "model", model)
            assert ended["modelStatusCode"] == "CREATE_FAILED", uri
            assert ended["modelStatusReason"], uri
            assert "passwd" not in ended["modelStatusReason"]
        with pytest.raises(TimeoutError):
            trap.accept()
