"""User code and files as they should not be: each ends in a clear status with a clear reason, and a readable log."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import PATIENCE

# The first test waits for all the trainings.
pytestmark = pytest.mark.timeout(900)

# Of a child that a script leaves behind; nothing else sleeps for so long.
LEFT_BEHIND = "98761"
# What a deaf script gets is half a minute; nothing here takes longer with less.
IMPATIENT_ADAPTER = """
import sys
from adapters.easymaker import __main__
from adapters.easymaker.engines import launching
launching.STOP_GRACE_SECONDS = 3.0
sys.exit(__main__.main())
"""
# Room for the copy of its image that a training with a requirements.txt gets.
DISK_LIMIT_MB = 1000

SCRIPTS = {
    "exits_with_3": "print('about to fail', flush=True)\nraise SystemExit(3)",
    "raises": "raise ValueError('the data makes no sense')",
    "syntax_error": "def broken(:\n    pass",
    "segfault": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
    "binary": (
        "import os, sys\n"
        "out = sys.stdout.buffer\n"
        "out.write(b'before\\n' + bytes(range(256)) * 200 + b'\\xff\\xfe\\x00\\x1b[31m' + b'x' * 100_000)\n"
        "out.write(b'\\nafter\\n')\n"
        "open(os.path.join(os.environ['EM_MODEL_DIR'], 'model.joblib'), 'wb').write(b'\\x80\\x04corrupt')"
    ),
    "fills_the_disk": (
        "import os\n"
        "with open(os.path.join(os.environ['EM_MODEL_DIR'], 'big'), 'wb') as file:\n"
        "    while True:\n"
        "        file.write(bytes(1_000_000))\n"
        "        file.flush()"
    ),
    "ignores_sigterm": (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('deaf', flush=True)\n"
        "while True:\n"
        "    time.sleep(0.1)"
    ),
    "leaves_a_child": (
        "import subprocess\n"
        f"subprocess.Popen(['sleep', '{LEFT_BEHIND}'], start_new_session=True)\n"
        "print('parent ends', flush=True)"
    ),
    "deletes_everything_it_can": (
        "import os, shutil\n"
        "for root in (os.getcwd(), os.environ['HOME']):\n"
        "    shutil.rmtree(root, ignore_errors=True)\n"
        "print('deleted', flush=True)\n"
        "raise SystemExit(1)"
    ),
    "bad_requirements": "print('never')",
}


@dataclass
class Ended:
    api: Any
    ids: dict[str, str]
    shown: dict[str, dict[str, Any]]

    def status(self, name: str) -> str:
        return self.shown[name]["trainingStatusCode"]

    def reason(self, name: str) -> str:
        return self.shown[name]["trainingStatusReason"]

    def log(self, name: str) -> str:
        return self.api.ok("GET", f"/trainings/{self.ids[name]}/logs")["log"]["content"]


@pytest.fixture(scope="module")
def small_disk(make_installation: Any) -> Any:
    """An installation whose jobs may use little disk, and get little time for their end."""
    installation = make_installation()
    installation.start(program=("-c", IMPATIENT_ADAPTER), local_disk_limit_mb=DISK_LIMIT_MB)
    return installation


@pytest.fixture(scope="module")
def ended(small_disk: Any) -> Ended:
    """All the trainings, run at the same time, and shown once they have ended."""
    api = small_disk.api()
    experiment = api.experiment("bad trainings")
    bodies: dict[str, dict[str, Any]] = {}
    for name, script in SCRIPTS.items():
        source = small_disk.nas(name) / "source"
        source.mkdir()
        (source / "main.py").write_text(script)
        bodies[name] = {"sourceDirUri": f"nas://{name}:/source", "modelUploadUri": f"nas://{name}:/model"}
    (small_disk.nas("bad_requirements") / "source" / "requirements.txt").write_text(
        "./not-there-1.0-py3-none-any.whl\n"
    )
    usual = bodies["exits_with_3"]
    bodies["no_entry_point"] = usual | {"entryPoint": "src/nowhere.py"}
    bodies["no_source"] = usual | {"sourceDirUri": "nas://nowhere:/source"}
    bodies["no_dataset"] = usual | {"datasetList": [{"datasetName": "train", "dataUri": "nas://nowhere:/train"}]}
    bodies["foreign_storage"] = usual | {"sourceDirUri": "obs://127.0.0.1:9/v1/AUTH_a/c", "dataStorageSize": 300}
    bodies["no_upload_rights"] = usual | {
        "modelUploadUri": "s3://somebody/model",
        "sourceDirUri": "nas://binary:/source",
    }
    ids = {
        name: api.create("trainings", "training", api.training_body(experiment, trainingName=name) | body)["trainingId"]
        for name, body in bodies.items()
    }
    deaf = ids["ignores_sigterm"]
    small_disk_log = f"/trainings/{deaf}/logs"
    api.wait("trainings", "training", deaf, {"RUNNING"})
    with api.client.stream("GET", small_disk_log, params={"follow": "true"}) as stream:
        assert any("deaf" in line for line in stream.iter_lines())
    api.ok("PUT", f"/trainings/{deaf}/stop")
    shown = {name: api.wait("trainings", "training", made) for name, made in ids.items()}
    return Ended(api, ids, shown)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("no_entry_point", "FAIL_TRAIN", "src/nowhere.py"),
        ("no_source", "FAIL_TRAIN", "nowhere"),
        ("no_dataset", "FAIL_TRAIN", "nowhere"),
        ("foreign_storage", "FAIL_TRAIN", "may not be reached"),
        ("no_upload_rights", "FAIL_TRAIN", "s3"),
        ("exits_with_3", "FAIL_TRAIN", "3"),
        ("raises", "FAIL_TRAIN", "1"),
        ("syntax_error", "FAIL_TRAIN", "1"),
        ("segfault", "FAIL_TRAIN", "SIGSEGV"),
        ("fills_the_disk", "FAIL_TRAIN", "disk limit"),
        ("bad_requirements", "FAIL_TRAIN", "requirements.txt"),
        ("deletes_everything_it_can", "FAIL_TRAIN", ""),
        ("ignores_sigterm", "STOPPED", "stopped on request"),
        ("binary", "COMPLETE", ""),
        ("leaves_a_child", "COMPLETE", ""),
    ],
)
def test_status_and_reason(ended: Ended, name: str, status: str, reason: str) -> None:
    assert (ended.status(name), ended.reason(name)) == (status, ended.reason(name)), ended.log(name)[-1000:]
    assert reason in ended.reason(name)
    assert len(ended.reason(name)) < 1000
    assert ended.reason(name) or status == "COMPLETE"
    assert "Traceback" not in ended.reason(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SCRIPTS, "no_entry_point", "no_source", "no_dataset"])
def test_logs_are_readable_whatever_was_printed(ended: Ended, name: str) -> None:
    """As JSON piece by piece, and as followed text; both end."""
    offset, text = 0, ""
    while True:
        answer = ended.api.call("GET", f"/trainings/{ended.ids[name]}/logs", params={"offset": offset})
        log = json.loads(answer.content)["log"]
        text += log["content"]
        if log["nextOffset"] == offset:
            break
        offset = log["nextOffset"]
    assert log["isComplete"]
    followed = ended.api.call("GET", f"/trainings/{ended.ids[name]}/logs", params={"follow": "true"})
    assert followed.headers["content-type"].startswith("text/plain")
    assert followed.headers["x-content-type-options"] == "nosniff"
    assert len(followed.content) == offset
    expected = {"exits_with_3": "about to fail", "raises": "makes no sense", "syntax_error": "SyntaxError"}
    assert expected.get(name, "") in text


@pytest.mark.slow
def test_binary_output_is_kept_byte_by_byte(ended: Ended) -> None:
    followed = ended.api.call("GET", f"/trainings/{ended.ids['binary']}/logs", params={"follow": "true"}).content
    assert b"before\n" + bytes(range(256)) * 200 in followed
    assert b"\nafter\n" in followed


@pytest.mark.slow
def test_events_tell_the_same_story(ended: Ended) -> None:
    events = ended.api.ok("GET", f"/trainings/{ended.ids['exits_with_3']}/events")["eventList"]
    assert [e["toStatusCode"] for e in events][-2:] == ["FAIL_TRAIN_IN_PROGRESS", "FAIL_TRAIN"]
    assert events[-1]["reason"] == ended.reason("exits_with_3")


@pytest.mark.slow
def test_nothing_runs_on(small_disk: Any, ended: Ended) -> None:
    """Neither the deaf script nor a child in a session of its own; and the disk is given back."""
    left = [p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[1:] == [LEFT_BEHIND]]
    assert left == []
    assert list((small_disk.home / "jobs").rglob("big")) == []
    used = sum(p.stat().st_size for p in (small_disk.home / "jobs").rglob("*") if p.is_file())
    assert used < DISK_LIMIT_MB * 1000**2


@pytest.mark.slow
def test_all_of_them_can_be_deleted(ended: Ended) -> None:
    """Also what deleted its own directory. Last of the trainings' tests but for the one that keeps a model."""
    for name, made in ended.ids.items():
        if name != "binary":
            ended.api.ok("DELETE", f"/trainings/{made}")
    for name, made in ended.ids.items():
        if name != "binary":
            ended.api.gone("trainings", made)


def test_models_without_a_model(small_disk: Any) -> None:
    """An empty directory, one that is not there, a file of another kind: told at creation, not at the first request."""
    api = small_disk.api()
    directory = small_disk.nas("models")
    (directory / "empty").mkdir()
    (directory / "other").mkdir()
    (directory / "other" / "readme.txt").write_text("no model")
    for path, told in (("empty", "no file"), ("missing", "missing"), ("other", ".joblib"), ("other/readme.txt", "")):
        body = {"modelName": "m", "modelFormatCode": "SKLEARN", "modelUploadUri": f"nas://models:/{path}"}
        model = api.create("models", "model", body)["modelId"]
        shown = api.wait("models", "model", model)
        assert shown["modelStatusCode"] == "CREATE_FAILED", path
        assert told in shown["modelStatusReason"], shown["modelStatusReason"]
        deploy = {"modelId": model}
        endpoint = {"endpointName": "e", "flavorId": api.flavor(), "endpointModelResourceList": [deploy]}
        assert "CREATE_FAILED" in api.refused("POST", "/endpoints", 400, json=endpoint)
        api.ok("DELETE", f"/models/{model}")
        api.gone("models", model)


@pytest.mark.slow
def test_a_corrupt_model_is_told_by_its_endpoint(small_disk: Any, ended: Ended) -> None:
    """It has the right name, so that only its server finds out; that is not tried again and again."""
    api = ended.api
    model = api.create("models", "model", {"modelName": "corrupt", "trainingId": ended.ids["binary"]})["modelId"]
    assert api.wait("models", "model", model)["modelStatusCode"] == "ACTIVE"
    body = {
        "endpointName": "corrupt",
        "flavorId": api.flavor("m2.c2m4"),
        "endpointModelResourceList": [{"modelId": model}],
    }
    endpoint = api.create("endpoints", "endpoint", body)["endpointId"]
    failed = api.wait("endpoints", "endpoint", endpoint, {"CREATE_FAILED"})
    stage = failed["endpointStageList"][0]["endpointStageId"]
    resource = api.ok("GET", f"/endpoint-models?endpointStageId={stage}")["endpointModelList"][0]
    assert resource["endpointModelStatusCode"] == "CREATE_FAILED"
    for reason in (resource["endpointModelStatusReason"], failed["endpointStatusReason"]):
        assert "model.joblib" in reason, reason
        assert str(small_disk.home) not in reason
    log = api.ok("GET", f"/endpoint-models/{resource['endpointModelId']}/logs")["log"]["content"]
    assert "model.joblib" in log
    answer = httpx.get(
        f"{small_disk.url}/v1.0/appkeys/local/endpoint-stages/{stage}/api-statistics",
        headers=small_disk.headers(),
        timeout=PATIENCE,
    )
    assert answer.status_code == 200
    api.ok("DELETE", f"/endpoints/{endpoint}")
    api.gone("endpoints", endpoint)
