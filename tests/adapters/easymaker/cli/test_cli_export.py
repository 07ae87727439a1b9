"""`export`: what the cluster engine would apply, from what a real installation has in its database."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.easymaker import catalogue
from adapters.easymaker.cluster_settings import ClusterSettings
from adapters.easymaker.engines.cluster.bundles import Applier
from adapters.easymaker.engines.cluster.engine import drivers
from adapters.easymaker.engines.cluster.parts import ClusterParts
from adapters.easymaker.engines.cluster.rendering import RENDERERS, WITHOUT_MANIFESTS
from adapters.easymaker.kinds import KIND_BY_NAME
from adapters.easymaker.kinds.record import Family, Json
from adapters.easymaker.reconcile.loop import SOURCE_KINDS
from adapters.easymaker.settings import Settings
from adapters.easymaker.store import families, pages
from adapters.easymaker.store.database import Database
from adapters.easymaker.store.embedded import EmbeddedPostgres
from tests import small_pipeline
from tests.adapters.easymaker.cli.in_process import run_here
from tests.conftest import Api, Installation
from tests.ports import free_port
from tests.strict_schema.crds import crds_missing_reason
from tests.strict_schema.validator import Validator


@dataclass(frozen=True)
class Shop:
    """An installation with something of every kind; its adapter has ended, its database has not."""

    installation: Installation
    ids: dict[str, str]

    def run(self, *arguments: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        return run_here(self.installation.environment(**settings), "export", *arguments)

    def documents(self, *arguments: str, **settings: Any) -> list[Json]:
        done = self.run(*arguments, **settings)
        assert done.returncode == 0, done.stderr
        return list(yaml.load_all(done.stdout, yaml.CSafeLoader))

    def family(self, kind: str, resource_id: str) -> Family:
        """As the reconcile loop loads it."""
        database = Database(EmbeddedPostgres(self.installation.home / "postgres").start(), pool_size=1)
        try:
            with database.reading() as connection:
                records, _ = pages.page(connection, "local", kind, pages.Page(ids=[resource_id]))
                return families.load(connection, records, refs=True, source_kinds=SOURCE_KINDS)[0]
        finally:
            database.close()


@pytest.fixture(scope="module")
def shop(make_installation: Callable[[], Installation]) -> Iterator[Shop]:
    installation = make_installation()
    installation.start()
    api = installation.api()
    source = installation.nas("code") / "main.py"
    source.write_text("print('trained')")
    (installation.nas("models") / "iris").mkdir()
    (installation.nas("models") / "iris" / "model.joblib").write_bytes(b"not looked into at creation")
    ids = {"experiment": api.experiment("an: [experiment]")}
    body = api.training_body(ids["experiment"], dataStorageSize=300)
    ids["training"] = api.create("trainings", "training", body)["trainingId"]
    template = {"trainingTemplateName": "template"} | {
        name: value for name, value in body.items() if name not in ("trainingName", "experimentId")
    }
    ids["training-template"] = api.create("training-templates", "trainingTemplate", template)["trainingTemplateId"]
    model = {
        "modelName": "iris",
        "modelFormatCode": "SKLEARN",
        "modelUploadUri": "nas://models:/iris",
        "parameterList": [
            {"parameterName": "EXP", "parameterValue": "1e3"},
            {"parameterName": "PASSWORD", "parameterValue": "not to be shown"},
        ],
    }
    ids["model"] = api.create("models", "model", model)["modelId"]
    api.wait("models", "model", ids["model"], {"ACTIVE"})
    deploy = {
        "endpointName": "endpoint",
        "flavorId": api.flavor("m2.c2m4"),
        "endpointModelResourceList": [{"modelId": ids["model"], "apigwResourceUri": "/inference"}],
    }
    ids["endpoint"] = api.create("endpoints", "endpoint", deploy)["endpointId"]
    stages = api.ok("GET", f"/endpoint-stages?endpointId={ids['endpoint']}")["endpointStageList"]
    ids["endpoint-stage"] = stages[0]["endpointStageId"]
    ids["endpoint-model"] = stages[0]["endpointModelList"][0]["endpointModelId"]
    ids |= pipelines(api, ids["experiment"])
    api.wait("trainings", "training", ids["training"])
    # No model server is needed for what follows.
    installation.stop()
    yield Shop(installation, ids)


def pipelines(api: Api, experiment: str) -> dict[str, str]:
    body = {"pipelineName": "pipeline", "base64PipelineSpecManifest": small_pipeline.manifest()}
    made = api.ok("POST", "/pipelines/upload", json=body)["pipeline"]["pipelineId"]
    api.wait("pipelines", "pipeline", made, {"ACTIVE"})
    run = {
        "pipelineRunOrRecurringRunName": "run",
        "pipelineId": made,
        "experimentId": experiment,
        "flavorId": api.flavor("m2.c2m4"),
    }
    schedule = run | {"scheduleCronExpression": "@yearly"}
    return {
        "pipeline": made,
        "pipeline-run": api.create("pipeline-runs", "pipelineRun", run)["pipelineRunId"],
        "pipeline-recurring-run": api.create("pipeline-runs", "pipelineRecurringRun", schedule)[
            "pipelineRecurringRunId"
        ],
    }


def error_of(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    return line.removeprefix("kubeflow-easymaker: ")


class Recorder:
    """Takes what the engine applies, as an API server without a single object."""

    def __init__(self) -> None:
        self.applied: dict[tuple[str, str], Json] = {}

    def apply(self, manifest: Json) -> Json:
        meta = {name: value for name, value in manifest["metadata"].items() if name != "ownerReferences"}
        self.applied[(manifest["kind"], meta["name"])] = manifest | {"metadata": meta}
        return manifest | {"metadata": meta | {"uid": "0"}}

    def read(self, *key: Any) -> None:
        return None

    def get(self, *key: Any) -> None:
        return None

    def of(self, *key: Any) -> list[Json]:
        return []


def applied(family: Family, settings: Settings, cluster: ClusterSettings) -> dict[tuple[str, str], Json]:
    """By the engine's own driver, at its start of the resource."""
    recorder: Any = Recorder()
    parts = ClusterParts(recorder, recorder, Applier(recorder, cluster), catalogue.load(None), settings, cluster)
    drivers(parts)[family.record.kind].start(family)
    return recorder.applied


def by_name(manifests: list[Json]) -> dict[tuple[str, str], Json]:
    found = {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in manifests}
    assert len(found) == len(manifests), "no object twice"
    return found


MODES = [
    {},
    {"cluster_routes": "istio"},
    {"cluster_serving_mode": "Serverless", "cluster_gateway_host": "models.example.org"},
    {"cluster_pipelines_url": "http://ml-pipeline.kubeflow:8888", "cluster_storage_class": "fast"},
]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: " ".join(mode) or "default")
def test_export_is_what_the_engine_applies(shop: Shop, mode: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("EASYMAKER_")]:
        monkeypatch.delenv(name)
    given = {name.removeprefix("cluster_"): value for name, value in mode.items() if "pipelines" not in name}
    cluster = ClusterSettings(**given)  # pyright: ignore[reportArgumentType]
    expected: dict[tuple[str, str], Json] = {}
    for kind in ("experiment", "training", "endpoint-stage", "endpoint-model"):
        expected |= applied(shop.family(kind, shop.ids[kind]), Settings(), cluster)
    found = by_name(
        [
            *shop.documents(f"experiment/{shop.ids['experiment']}", **mode),
            *shop.documents(f"training/{shop.ids['training']}", **mode),
            *shop.documents(f"endpoint/{shop.ids['endpoint']}", **mode),
        ]
    )
    assert found == expected
    for manifest in found.values():
        assert "status" not in manifest
        if not crds_missing_reason():
            Validator.load().require_valid(manifest)


def test_endpoint_brings_its_stages_and_their_resources(shop: Shop) -> None:
    kinds = [manifest["kind"] for manifest in shop.documents(f"endpoint/{shop.ids['endpoint']}")]
    assert set(kinds) == {"HTTPRoute", "InferenceService"}
    stage = shop.documents(f"endpoint-stages/{shop.ids['endpoint-stage']}")
    assert [manifest["kind"] for manifest in stage] == kinds, "all of this endpoint is its one stage"
    (service,) = shop.documents(f"endpoint-model/{shop.ids['endpoint-model']}")
    assert service["kind"] == "InferenceService"


def test_all_is_everything_once_but_what_has_ended(shop: Shop) -> None:
    done = shop.run("--all")
    assert done.returncode == 0, done.stderr
    manifests = by_name(list(yaml.load_all(done.stdout, yaml.CSafeLoader)))
    assert {kind for kind, _ in manifests} == {
        "Tensorboard",
        "PersistentVolumeClaim",
        "InferenceService",
        "HTTPRoute",
    }
    assert f"training/{shop.ids['training']} exports it all the same" in done.stdout
    assert shop.run("--all").stdout == done.stdout, "the same every time"


def test_secret_values_are_named_and_never_shown(shop: Shop) -> None:
    done = shop.run("--all")
    assert "not to be shown" not in done.stdout
    assert f"needs Secret em-{shop.ids['model']}-secret, which is not exported" in done.stdout


@pytest.mark.parametrize("kind", sorted(WITHOUT_MANIFESTS))
def test_kind_without_objects_is_a_comment(shop: Shop, kind: str) -> None:
    done = shop.run(f"{kind}/{shop.ids[kind]}")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(line.startswith("# ") for line in done.stdout.splitlines())
    assert WITHOUT_MANIFESTS[kind] in done.stdout
    as_json = shop.run(kind, "-o", "json")
    assert json.loads(as_json.stdout) == {"apiVersion": "v1", "kind": "List", "items": []}
    assert WITHOUT_MANIFESTS[kind] in as_json.stderr


def test_json_is_one_list(shop: Shop) -> None:
    target = f"training/{shop.ids['training']}"
    shown = json.loads(shop.run(target, "-o", "json").stdout)
    assert shown["kind"] == "List"
    assert shown["items"] == shop.documents(target)
    assert [item["kind"] for item in shown["items"]] == ["ConfigMap", "PersistentVolumeClaim", "TrainJob"]


def test_dependents_come_first_and_need_no_owner(shop: Shop) -> None:
    for manifest in shop.documents("experiment"):
        assert "ownerReferences" not in manifest["metadata"]
        assert manifest["metadata"]["namespace"] == "local"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "KIND"),
        (["training", "--all"], 2, "--all"),
        (["notebook"], 2, "there is no kind 'notebook': experiment, "),
        (["training/none"], 1, "there is no training none in appkey local"),
        (["--all", "--appkey", "team-z"], 1, "in appkey team-z (--appkey names another: local)"),
    ],
)
def test_what_is_not_there_is_one_line(shop: Shop, arguments: list[str], code: int, told: str) -> None:
    assert told in error_of(shop.run(*arguments), code)


def test_malformed_cluster_setting_is_named(shop: Shop) -> None:
    line = error_of(shop.run("experiment", cluster_gateway="no-namespace"), 2)
    assert line.startswith("EASYMAKER_CLUSTER_GATEWAY: ")


def test_without_a_database_it_says_so(cli: Any) -> None:
    nothing = run_here(cli.env, "export", "--all")
    assert "EASYMAKER_DATABASE_URL is not set" in error_of(nothing, 1)
    cli.more["EASYMAKER_DATABASE_URL"] = f"postgresql+psycopg://u:hidden@127.0.0.1:{free_port()}/d"
    away = error_of(run_here(cli.env, "export", "--all"), 1)
    assert "does not answer" in away
    assert "hidden" not in away


def test_what_cannot_be_rendered_is_told_and_fails(shop: Shop, tmp_path: Path) -> None:
    """As after the catalogue lost a flavor that a training was made with; the rest is exported all the same."""
    smaller = yaml.safe_load((Path(catalogue.__file__).with_name("catalogue.yaml")).read_text("utf-8"))
    smaller["flavors"] = smaller["flavors"][-1:]
    (tmp_path / "catalogue.yaml").write_text(yaml.safe_dump(smaller), "utf-8")
    done = shop.run("--all", catalogue=tmp_path / "catalogue.yaml")
    assert done.returncode == 1
    assert "flavor is no longer in the catalogue" in done.stderr
    assert "Tensorboard" in {manifest["kind"] for manifest in yaml.load_all(done.stdout, yaml.CSafeLoader)}


def test_the_program_itself_prints_what_kubectl_takes(shop: Shop) -> None:
    program = Path(sys.executable).with_name("kubeflow-easymaker")
    done = subprocess.run(
        [program, "export", "endpoint"],
        env=shop.installation.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, shop.run("endpoint").stdout), done.stderr
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl on this machine")
    command = ["kubectl", "label", "--local", "-f", "-", "-o", "name", "read=yes"]
    taken = subprocess.run(command, input=done.stdout, capture_output=True, text=True, check=False)
    assert taken.returncode == 0, taken.stderr
    assert len(taken.stdout.splitlines()) == len(shop.documents("endpoint"))


def test_every_kind_has_a_renderer() -> None:
    assert set(RENDERERS) == set(KIND_BY_NAME)
