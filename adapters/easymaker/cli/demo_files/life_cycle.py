"""A whole life cycle with the official AI EasyMaker SDK, as a user would write it.

    python life_cycle.py WORK_DIRECTORY NAME

It needs the variables that `kubeflow-easymaker env` prints and, in the work directory, a folder `source` with a
training script. Every step prints one JSON line when it begins and one when it ends; the exit code is 0 if all of
them succeeded. The names of all that it makes begin with NAME.
"""

# pyright: reportAttributeAccessIssue=false

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import easymaker
import joblib
import requests
import tuning as tunings
from easymaker.storage import objectstorage
from sklearn.datasets import load_iris

IMAGE = "Ubuntu 22.04 CPU Python Training"
FLAVOR = "m2.c2m4"
ENTRY_POINT = "train_iris.py"
POLL_SECONDS = 1
PATIENCE_SECONDS = 600
# One flower of each species, which any sensible model tells apart.
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [5.7, 2.8, 4.1, 1.3], [6.3, 3.3, 6.0, 2.5]]
SPECIES = ["setosa", "versicolor", "virginica"]


@dataclass
class Life:
    """What one step leaves for the next."""

    work: Path
    name: str
    storage: str
    trainings: list[str] = field(default_factory=list)
    tuning: easymaker.HyperparameterTuning = field(init=False)
    experiment: easymaker.Experiment = field(init=False)
    model: easymaker.Model = field(init=False)
    endpoint: easymaker.Endpoint = field(init=False)
    second_stage: easymaker.EndpointStage = field(init=False)

    @property
    def resources(self) -> list[easymaker.EndpointModelResource]:
        return [easymaker.EndpointModelResource(model_id=self.model.id)]


def connect(life: Life) -> str:
    easymaker.init(appkey=os.environ["EM_APPKEY"], region=os.environ["EM_REGION"])
    return f"easymaker {easymaker.__version__}, appkey {os.environ['EM_APPKEY']}"


def upload(life: Life) -> str:
    iris = load_iris(as_frame=True)
    table = iris.frame.assign(target=iris.target_names[iris.target])
    (life.work / "data").mkdir()
    table.to_csv(life.work / "data" / "train.csv", index=False)
    easymaker.upload(f"{life.storage}/source", str(life.work / "source"))
    easymaker.upload(f"{life.storage}/train", str(life.work / "data"))
    # The SDK's upload stays silent when the storage says no, so look what has arrived.
    stored = objectstorage.find_object_list(life.storage)
    check(len(stored) == 2, f"2 files were uploaded, and the storage lists {stored}")
    return f"{len(table)} rows and {ENTRY_POINT}"


def look_around(life: Life) -> str:
    flavors = [flavor.name for flavor in easymaker.Training.get_instance_type_list()]
    images = [image.image_name for image in easymaker.Training.get_image_list()]
    algorithms = [algorithm.algorithm_name for algorithm in easymaker.Training.get_algorithm_list()]
    check(FLAVOR in flavors, f"flavor {FLAVOR} is not among {flavors}")
    check(IMAGE in images, f"image {IMAGE} is not among {images}")
    return f"{len(flavors)} flavors, {len(images)} images, {len(algorithms)} algorithms"


def create_experiment(life: Life) -> str:
    life.experiment = easymaker.Experiment().create(life.name, description="iris, demo", wait=False)
    waited(life.experiment)
    return life.experiment.id


def train(life: Life) -> str:
    training = run_training(life, "first", trees=50)
    waited(training)
    return f"{training.status} after {training.elapsed_time_seconds} s"


def get_and_list(life: Life) -> str:
    training = easymaker.Training.get_by_id(life.trainings[0])
    parameters = {parameter.parameter_name: parameter.parameter_value for parameter in training.hyperparameter_list}
    check(parameters == {"n_estimators": "50", "max_depth": "4"}, f"the hyperparameters read back are {parameters}")
    check(training.experiment.id == life.experiment.id, "the training names another experiment")
    check(training.id in ids(easymaker.Training), "the list lacks the training")
    check(life.experiment.id in ids(easymaker.Experiment), "the list lacks the experiment")
    return f"{training.name}: {training.status}, {parameters['n_estimators']} trees"


def tune(life: Life) -> str:
    begun = tunings.run(
        f"{life.name}-tuning",
        life.experiment.id,
        life.storage,
        image_name=IMAGE,
        instance_type_name=FLAVOR,
        entry_point=ENTRY_POINT,
        dataset_list=[easymaker.Dataset(dataset_name="train", data_uri=f"{life.storage}/train")],
    )
    life.tuning = tunings.follow(begun, PATIENCE_SECONDS)
    trials = rest("GET", f"/hyperparameter-tunings/{life.tuning.id}/trials")["trialList"]
    check(len(trials) == tunings.TRIALS, f"{len(trials)} trainings are listed instead of {tunings.TRIALS}")
    return tunings.best(life.tuning)


def create_model(life: Life) -> str:
    """Of the best training of the tuning."""
    life.model = easymaker.Model().create(life.name, hyperparameter_tuning_id=life.tuning.id, wait=False)
    waited(life.model)
    return f"{life.model.model_format_code.value}, {life.model.id}"


def create_endpoint(life: Life) -> str:
    created = easymaker.Endpoint().create(life.name, life.resources, FLAVOR, wait=False)
    waited(created)
    waited(easymaker.Endpoint.get_by_id(created.id).default_stage)
    life.endpoint = easymaker.Endpoint.get_by_id(created.id)
    return f"https://{life.endpoint.default_stage.apigw_stage_url}"


def predict_v1(life: Life) -> str:
    answer = life.endpoint.predict(life.model.id, json={"instances": FLOWERS})
    return right(answer["predictions"], answer)


def predict_v2(life: Life) -> str:
    answer = life.endpoint.predict(life.model.id, json=v2_request())
    return right(answer["outputs"][0]["data"], answer)


def add_stage(life: Life) -> str:
    stage = easymaker.EndpointStage().create("second", life.endpoint.id, FLAVOR, life.resources, wait=False)
    waited(stage)
    life.second_stage = easymaker.EndpointStage.get_by_id(stage.id)
    check(len(life.endpoint.get_stage_list()) == 2, "the endpoint does not list two stages")
    answer = life.second_stage.predict(life.model.id, json={"instances": FLOWERS})
    return right(answer["predictions"], answer)


def stop_training(life: Life) -> str:
    training = run_training(life, "long", trees=1_000_000)
    reach(training.id, "RUNNING")
    training.stop()
    reach(training.id, "STOPPED")
    return "RUNNING, then STOPPED"


def copy_training(life: Life) -> str:
    """What the console's Copy does; the SDK has no call for it."""
    changes = {
        "trainingName": f"{life.name}-copy",
        "hyperparameterList": parameters(trees=20),
        "modelUploadUri": f"{life.storage}/copy",
    }
    copied = rest("POST", f"/trainings/{life.trainings[-1]}/copy", changes)["training"]
    life.trainings.append(copied["trainingId"])
    training = easymaker.Training.get_by_id(copied["trainingId"])
    waited(training)
    check(training.entry_point == ENTRY_POINT, "the copy lost its entry point")
    return f"{training.name}: {training.status}"


def download(life: Life) -> str:
    target = life.work / "downloaded"
    target.mkdir()
    easymaker.download(f"{life.storage}/model", str(target))
    (file,) = target.rglob("model.joblib")
    predicted = [str(label) for label in joblib.load(file).predict(FLOWERS)]
    return f"{file.stat().st_size} bytes; {right(predicted, predicted)}"


def delete_all(life: Life) -> str:
    """In the order of their dependence: each has to be gone before what it uses may go."""
    life.second_stage.delete()
    stages = easymaker.EndpointStage
    gone(lambda: len(stages.get_list(endpoint_id=life.endpoint.id)) == 1, "the second stage")
    for kind, wanted in (
        (easymaker.Endpoint, [life.endpoint.id]),
        (easymaker.Model, [life.model.id]),
        (easymaker.HyperparameterTuning, [life.tuning.id]),
        (easymaker.Training, life.trainings),
        (easymaker.Experiment, [life.experiment.id]),
    ):
        for resource_id in wanted:
            kind.delete_by_id(resource_id)
        gone(lambda kind=kind, wanted=wanted: not ids(kind) & set(wanted), f"the {kind.__name__.lower()}")
    objectstorage.delete(life.storage)
    check(not objectstorage.find_object_list(life.storage), "the storage still lists objects")
    kinds = (
        easymaker.Experiment,
        easymaker.Training,
        easymaker.HyperparameterTuning,
        easymaker.Model,
        easymaker.Endpoint,
    )
    others = sum(len(ids(kind)) for kind in kinds)
    return "all lists are empty" if not others else f"nothing of the demo is left ({others} other resources stay)"


STEPS: tuple[tuple[str, Callable[[Life], str]], ...] = (
    ("Connect", connect),
    ("Upload source and data", upload),
    ("List flavors, images, algorithms", look_around),
    ("Create an experiment", create_experiment),
    ("Train", train),
    ("Get and list", get_and_list),
    ("Tune its hyperparameters", tune),
    ("Create a model of the best training", create_model),
    ("Create an endpoint", create_endpoint),
    ("Predict (V1)", predict_v1),
    ("Predict (V2)", predict_v2),
    ("Add a second stage", add_stage),
    ("Stop a long training", stop_training),
    ("Copy a training (REST)", copy_training),
    ("Download the model", download),
    ("Delete everything", delete_all),
)


def parameters(trees: int) -> list[dict[str, str]]:
    return [
        {"parameterName": "n_estimators", "parameterValue": str(trees)},
        {"parameterName": "max_depth", "parameterValue": "4"},
    ]


def run_training(life: Life, name: str, trees: int) -> easymaker.Training:
    training = easymaker.Training().run(
        training_name=f"{life.name}-{name}",
        experiment_id=life.experiment.id,
        image_name=IMAGE,
        instance_type_name=FLAVOR,
        source_dir_uri=f"{life.storage}/source",
        entry_point=ENTRY_POINT,
        hyperparameter_list=[easymaker.Parameter(**given) for given in parameters(trees)],
        dataset_list=[easymaker.Dataset(dataset_name="train", data_uri=f"{life.storage}/train")],
        model_upload_uri=f"{life.storage}/{'model' if name == 'first' else name}",
        data_storage_size=300,
        timeout_hours=1,
        wait=False,
    )
    life.trainings.append(training.id)
    return training


def v2_request() -> dict[str, object]:
    data = [value for flower in FLOWERS for value in flower]
    shape = [len(FLOWERS), len(FLOWERS[0])]
    return {"inputs": [{"name": "flowers", "shape": shape, "datatype": "FP64", "data": data}]}


def right(predicted: Sequence[str], answer: object) -> str:
    check(list(predicted) == SPECIES, f"expected {SPECIES}, got {answer}")
    return ", ".join(predicted)


def waited(resource) -> None:
    """Until it is there; a failure comes with the platform's reason, which the SDK does not read."""
    try:
        resource.wait(wait_interval_seconds=POLL_SECONDS)
    except easymaker.common.exceptions.EasyMakerError as error:
        kind = {"EndpointStage": "endpoint-stages"}.get(type(resource).__name__, f"{type(resource).__name__.lower()}s")
        (shown,) = (value for key, value in rest("GET", f"/{kind}/{resource.id}").items() if key != "header")
        reasons = [value for key, value in shown.items() if key.endswith("StatusReason") and value]
        raise RuntimeError(f"{error} {' '.join(reasons)}") from error


def reach(training_id: str, status: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (now := easymaker.Training.get_by_id(training_id).status) != status:
        check("FAIL" not in now and now != "COMPLETE", f"the training is {now} instead of {status}")
        check(time.monotonic() < deadline, f"the training is still {now}")
        time.sleep(POLL_SECONDS / 4)


def gone(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        check(time.monotonic() < deadline, f"{what} is still listed")
        time.sleep(POLL_SECONDS / 4)


def ids(kind) -> set[str]:
    return {resource.id for resource in kind.get_list()}


def rest(method: str, path: str, body: Any = None) -> dict[str, Any]:
    """The REST API by hand: all that the SDK needs, and what it has no call for."""
    base = os.environ.get("EM_API_URL", "http://127.0.0.1:10090")
    url = f"{base}/v1.0/appkeys/{os.environ['EM_APPKEY']}{path}"
    headers = {"X-EasyMaker-Token": os.environ["EM_TOKEN"]}
    answer = requests.request(method, url, json=body, headers=headers, timeout=30).json()
    check(answer["header"]["isSuccessful"], answer["header"]["resultMessage"])
    return answer


def check(good: bool, otherwise: str) -> None:
    if not good:
        raise RuntimeError(otherwise)


def tell(**line: object) -> None:
    print(json.dumps(line), flush=True)


def main() -> int:
    work, name = sys.argv[1:]
    life = Life(Path(work), name, f"{os.environ['EASYMAKER_OBS_URI']}/{name}")
    for title, act in STEPS:
        tell(step=title, state="started")
        began = time.perf_counter()
        try:
            detail = act(life)
        except Exception as error:
            traceback.print_exc()
            told = str(error) or type(error).__name__
            tell(step=title, state="failed", seconds=round(time.perf_counter() - began, 2), detail=told)
            return 1
        tell(step=title, state="done", seconds=round(time.perf_counter() - began, 2), detail=detail)
    return 0


if __name__ == "__main__":
    sys.exit(main())
