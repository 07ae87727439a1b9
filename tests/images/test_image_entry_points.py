"""What each image runs, run here: its entry point, over its own lock and the files that its Dockerfile copies.

There is no container engine where these tests run, so the images themselves are not built.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from adapters.easymaker.engines.cluster.mapping import training_jobs, training_paths
from adapters.easymaker.engines.local.environments import Environments, EnvironmentSpec
from adapters.easymaker.settings import Settings
from kfp_components.easymaker.launcher.exit_codes import ExitCode
from kserve_runtimes.models.mlserver_command import EXIT_MODEL_NOT_LOADED
from tests.images.dockerfiles import DOCKERFILES, ROOT, SITE_PACKAGES, Dockerfile

LOCKS = {"training": "python-train", "components": "python-components"}
# What comes as source alone, as the Dockerfile says it.
SOURCES = {"components": ("--no-binary kfp-server-api",)}


@dataclass(frozen=True)
class Image:
    """A virtual environment from the image's lock, and a folder in the place of what the Dockerfile adds to it."""

    file: Dockerfile
    python: Path
    added: Path
    home: Path

    def run(self, *arguments: str | Path, command: list[str] | None = None, **variables: str) -> "Ended":
        """The image's entry point, or another command in it, with nothing of this process's environment."""
        bin_folders = f"{self.added / 'bin'}:{self.python.parent}"
        own = self.file.environment() | {"HOME": str(self.home), "PATH": f"{bin_folders}:/usr/bin:/bin"}
        entry_point = self.file.last("ENTRYPOINT")
        assert entry_point is not None
        given = command or entry_point.words
        executable = shutil.which(given[0], path=bin_folders)
        assert executable is not None, given
        done = subprocess.run(
            [executable, *given[1:], *map(str, arguments)],
            env=own | {"PYTHONPATH": str(self.added)} | variables,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Ended(done.returncode, done.stdout + done.stderr)


@dataclass(frozen=True)
class Ended:
    code: int
    output: str


@pytest.fixture(scope="module")
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    name: str = request.param
    lock = ROOT / f"requirements/images/{LOCKS.get(name, name)}.txt"
    lines = ("--only-binary :all:", *SOURCES.get(name, ()), *lock.read_text("utf-8").splitlines())
    python = Environments(Settings().cache_dir).ensure(EnvironmentSpec(f"image-{lock.stem}", lines))
    file = Dockerfile.read(DOCKERFILES[name])
    added = tmp_path_factory.mktemp("added")
    copy(file, added, tmp_path_factory.mktemp("source"))
    return Image(file, python, added, tmp_path_factory.mktemp("home"))


def copy(file: Dockerfile, added: Path, source: Path) -> None:
    """As the Dockerfile does: packages as they are, or a wheel of what was copied."""
    for names, destination in file.copied():
        inside = destination.startswith(SITE_PACKAGES)
        place = added / destination.removeprefix(f"{SITE_PACKAGES}/") if inside else source / destination
        for name in names:
            path = ROOT / name.replace("${LOCK}", "python-train")
            if destination.startswith("/opt") and not inside:
                continue
            if path.is_dir():
                shutil.copytree(path, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)
    if (source / "pyproject.toml").exists():
        install_wheel(source, added)


def install_wheel(source: Path, added: Path) -> None:
    from uv import find_uv_bin

    uv = [find_uv_bin(), "--quiet", "--offline"]
    build = [*uv, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", "wheels", "."]
    subprocess.run(build, cwd=source, check=True, timeout=240)
    (wheel,) = (source / "wheels").glob("*.whl")
    target = ["--python", sys.executable, "--target", str(added), "--no-deps", "--link-mode", "copy"]
    subprocess.run([*uv, "pip", "install", *target, str(wheel)], check=True, timeout=240)


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("image", [name], indirect=True, ids=[name])


@of("adapter")
def test_the_adapter_starts_over_its_lock(image: Image) -> None:
    """As far as a wrong setting lets it: everything that it imports is there, without the extra `local`."""
    ended = image.run(EASYMAKER_ENGINE="cluster", EASYMAKER_PORT="many")
    assert ended.code == 2, ended.output
    assert "EASYMAKER_PORT" in ended.output


@of("adapter")
def test_the_adapter_wants_a_database_on_a_cluster(image: Image) -> None:
    ended = image.run(EASYMAKER_ENGINE="cluster", EASYMAKER_HOST="127.0.0.1", EASYMAKER_PORT="0")
    assert ended.code != 0
    assert "EASYMAKER_DATABASE_URL" in ended.output


@of("adapter")
@pytest.mark.parametrize("command", ["migrate", "preflight", "version"])
def test_the_commands_of_platform_teams_are_in_the_image(image: Image, command: str) -> None:
    ended = image.run("--help", command=["kubeflow-easymaker", command])
    assert ended.code == 0, ended.output


@of("adapter")
def test_migrations_are_in_the_image(image: Image) -> None:
    """The init container's command gets as far as the database."""
    ended = image.run(
        command=["kubeflow-easymaker", "migrate"],
        EASYMAKER_DATABASE_URL="postgresql+psycopg://easymaker:none@127.0.0.1:9/easymaker",
    )
    assert ended.code != 0
    assert "database" in ended.output
    assert "Traceback" not in ended.output


@of("training")
def test_a_training_runs_in_its_image(image: Image, tmp_path: Path) -> None:
    """A real one: the launcher, scikit-learn, a model at the end."""
    source = tmp_path / "nas/code"
    source.mkdir(parents=True)
    (source / "train.py").write_text(TRAIN, "utf-8")
    spec = {
        "version": 1,
        "id": "t1",
        "name": "t",
        "appkey": "a",
        "region": "r",
        "source_dir_uri": "nas://code:/",
        "entry_point": "train.py",
        "model_upload_uri": "nas://out:/",
        "work_dir": str(tmp_path / "work"),
        "status_path": str(tmp_path / "status.json"),
    }
    (tmp_path / "nas/out").mkdir()
    (tmp_path / "launcher.json").write_text(json.dumps(spec), "utf-8")
    ended = image.run(tmp_path / "launcher.json", EASYMAKER_NAS_ROOT=str(tmp_path / "nas"))
    assert ended.code == ExitCode.SUCCESS, ended.output
    assert (tmp_path / "nas/out/model.joblib").stat().st_size > 0


TRAIN = """
import os, joblib, pandas, tensorboardX
from sklearn.linear_model import LogisticRegression
model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
joblib.dump(model, os.path.join(os.environ["EM_MODEL_DIR"], "model.joblib"))
"""


@of("training")
def test_a_training_image_can_copy_its_environment(image: Image) -> None:
    """For a requirements.txt of the training's own: uv is there, and the lock lies where the adapter says."""
    assert os.access(image.python.with_name("uv"), os.X_OK)
    assert training_paths.IMAGE_UV == "/opt/easymaker/bin/uv"
    destinations = [destination for _, destination in image.file.copied()]
    assert training_paths.IMAGE_LOCK in destinations


@of("training")
def test_the_launcher_says_what_it_needs(image: Image) -> None:
    ended = image.run()
    assert ended.code == ExitCode.BAD_SPEC
    assert "usage" in ended.output


@of("components")
def test_a_component_runs_in_its_image(image: Image, tmp_path: Path) -> None:
    """With the arguments that Kubeflow gives: here, two predictions are compared with what is true."""
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text('{"kind": "a", "prediction": "a"}\n{"kind": "b", "prediction": "a"}\n', "utf-8")
    outputs = {
        name: {"artifacts": [{"name": name, "type": {"schemaTitle": kind}, "uri": str(tmp_path / name)}]}
        for name, kind in (
            ("metrics", "system.Metrics"),
            ("classification_metrics", "system.ClassificationMetrics"),
            ("report", "system.Markdown"),
        )
    }
    given = {"name": "predictions", "type": {"schemaTitle": "system.Artifact"}, "uri": str(predictions)}
    executor_input = {
        "inputs": {
            "artifacts": {"predictions": {"artifacts": [given]}},
            "parameterValues": {"target_field": "kind"},
        },
        "outputs": {
            "artifacts": outputs,
            "parameters": {"Output": {"outputFile": str(tmp_path / "Output")}},
            "outputFile": str(tmp_path / "output.json"),
        },
    }
    compiled = yaml.safe_load((ROOT / "tests/kfp_components/easymaker/golden/evaluate.yaml").read_text("utf-8"))
    (executor,) = compiled["deploymentSpec"]["executors"].values()
    module = tmp_path / "ephemeral_component.py"
    module.write_text(executor["container"]["command"][-1], "utf-8")
    arguments = ["--component_module_path", module, "--function_to_execute", "evaluate"]
    ended = image.run(*arguments, "--executor_input", json.dumps(executor_input), _KFP_RUNTIME="true")
    assert ended.code == 0, ended.output
    told = json.loads((tmp_path / "output.json").read_text("utf-8"))
    assert told["parameterValues"]["Output"] == 0.5


@of("mlserver")
def test_the_model_server_says_why_it_cannot_serve(image: Image, tmp_path: Path) -> None:
    ended = image.run(
        MLSERVER_MODEL_NAME="iris",
        MLSERVER_MODEL_URI=str(tmp_path / "nothing"),
        MLSERVER_MODEL_IMPLEMENTATION="kserve_runtimes.models.sklearn.SklearnModel",
        MLSERVER_HOST="127.0.0.1",
        MLSERVER_HTTP_PORT="0",
        MLSERVER_PARALLEL_WORKERS="0",
        MLSERVER_METRICS_ENDPOINT="",
    )
    assert ended.code == EXIT_MODEL_NOT_LOADED, ended.output
    assert "There is no model at nothing" in ended.output


@of("storage-initializer")
def test_a_model_is_fetched_in_the_image(image: Image, tmp_path: Path) -> None:
    """From a NAS: the whole way but for the network."""
    (tmp_path / "nas/models/iris").mkdir(parents=True)
    (tmp_path / "nas/models/iris/model.joblib").write_bytes(b"model")
    ended = image.run("nas://models:/iris", tmp_path / "fetched", EASYMAKER_NAS_ROOT=str(tmp_path / "nas"))
    assert ended.code == 0, ended.output
    assert (tmp_path / "fetched/model.joblib").read_bytes() == b"model"


@of("storage-initializer")
def test_the_storage_initializer_says_what_it_needs(image: Image) -> None:
    ended = image.run()
    assert ended.code == 2
    assert "usage" in ended.output


@of("katib-suggestions")
@pytest.mark.parametrize("service", ["suggestion", "early-stopping"])
def test_the_services_for_katib_have_all_that_they_import(image: Image, service: str) -> None:
    ended = image.run(service, "--host", "no host")
    assert ended.code == 2, ended.output
    assert "is no address" in ended.output


@of("katib-suggestions")
def test_every_algorithm_can_be_loaded_in_the_image(image: Image) -> None:
    loads = "from katib_suggestions.algorithms import ALGORITHMS; print(len([ALGORITHMS[name] for name in ALGORITHMS]))"
    ended = image.run(command=["python", "-c", loads])
    assert (ended.code, ended.output.strip()) == (0, "3")


@pytest.mark.parametrize(
    ("name", "file", "path"),
    [
        ("mlserver", "mlserver.yaml", ("spec", "containers", 0, "command")),
        ("storage-initializer", "storage.yaml", ("spec", "container", "command")),
    ],
)
def test_kserve_runs_what_the_image_runs(name: str, file: str, path: tuple[str | int, ...]) -> None:
    value = yaml.safe_load((ROOT / "kserve_runtimes/serving_runtimes" / file).read_text("utf-8"))
    for step in path:
        value = value[step]
    entry_point = Dockerfile.read(DOCKERFILES[name]).last("ENTRYPOINT")
    assert entry_point is not None
    assert value == entry_point.words


def test_a_training_pod_runs_what_the_image_runs() -> None:
    entry_point = Dockerfile.read(DOCKERFILES["training"]).last("ENTRYPOINT")
    assert entry_point is not None
    assert list(training_jobs.LAUNCHER) == entry_point.words
