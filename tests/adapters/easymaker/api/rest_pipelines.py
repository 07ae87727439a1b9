"""Pipelines for tests through the REST API, compiled by a program of its own: ``python rest_pipelines.py FOLDER``."""

# ruff: noqa: PTH103, PTH110, PTH118, PTH123, PTH208, PTH211 - a component's source is all that it has
# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportFunctionMemberAccess=false
# pyright: reportReturnType=false, reportCallIssue=false, reportInvalidTypeForm=false

import sys
import warnings
from pathlib import Path

from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Model, Output

LOCAL = {"base_image": "python:3.11", "install_kfp_package": False}


@dsl.component(**LOCAL)
def fit(text: str, times: int, model: Output[Model], parts: Output[Dataset]) -> str:
    """A file and a folder as artifacts."""
    import os

    with open(model.path, "w") as file:
        file.write(text * times)
    model.metadata["times"] = times
    os.makedirs(os.path.join(parts.path, "inner"))
    with open(os.path.join(parts.path, "inner", "part"), "w") as file:
        file.write("part of " + text)
    os.symlink("/etc/passwd", os.path.join(parts.path, "link"))
    print("fitted", text, os.environ["EM_PIPELINE_RUN_ID"])
    return text


@dsl.component(**LOCAL)
def use(model: Input[Model]) -> int:
    with open(model.path) as file:
        return len(file.read())


@dsl.component(**LOCAL)
def note(name: str, text: str):
    """Adds a line to a file of a NAS folder of the run."""
    import os

    with open(os.path.join(os.environ["EM_NAS_DIR"], "notes", name), "a") as file:
        file.write(text + "\n")


@dsl.component(**LOCAL)
def wait_for(name: str):
    """Notes its process, starts one that goes its own ways, and ends when the file ``name``.go is there."""
    import os
    import subprocess
    import time

    path = os.path.join(os.environ["EM_NAS_DIR"], "notes", name)
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    with open(path, "a") as file:
        file.write("began\n")
    while not os.path.exists(path + ".go"):
        time.sleep(0.02)


@dsl.component(**LOCAL)
def fail(code: int):
    import sys

    print("these are the last words")
    sys.exit(code)


@dsl.component(**LOCAL)
def make_model(name: str, uri: str):
    """As the SDK does: through the API, as a part of this run."""
    import json
    import os
    import urllib.request

    body = {"modelName": name, "modelFormatCode": "SKLEARN", "modelUploadUri": uri}
    body["parentPipelineRunId"] = os.environ["EM_PIPELINE_RUN_ID"]
    body["parentPipelineRunTaskName"] = os.environ["EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME"]
    request = urllib.request.Request(
        os.environ["EM_API_URL"] + "/v1.0/appkeys/" + os.environ["EM_APPKEY"] + "/models",
        json.dumps(body).encode(),
        {"X-EasyMaker-Token": os.environ["EM_TOKEN"], "Content-Type": "application/json"},
    )
    answer = json.load(urllib.request.urlopen(request))
    assert answer["header"]["isSuccessful"], answer


@dsl.component(**LOCAL)
def look_around(place: str) -> str:
    """What it can read of what is nobody else's business, and write."""
    import os

    found = []
    for path in place.split(":"):
        try:
            found.append(path + " " + str(len(os.listdir(path))))
        except OSError as error:
            found.append(path + " " + type(error).__name__)
    return "\n".join(found)


@dsl.pipeline(name="train")
def train(text: str, times: int = 2, rate: float = 0.5, flags: dict = {"a": 1}, wanted: bool = True):  # noqa: B006
    fitted = fit(text=text, times=times)
    use(model=fitted.outputs["model"])


@dsl.pipeline(name="waits")
def waits(name: str):
    first = note(name=name, text="first")
    second = wait_for(name=name).after(first)
    note(name=name, text="last").after(second)


@dsl.pipeline(name="fails")
def fails(code: int = 3):
    broken = fail(code=code)
    note(name="never", text="never").after(broken)


@dsl.pipeline(name="branches")
def branches(text: str):
    with dsl.If(text == "yes"):
        note(name="branches", text="same")
    with dsl.Else():
        note(name="branches", text=text)


@dsl.pipeline(name="notes")
def notes(name: str, text: str = "tick"):
    note(name=name, text=text)


@dsl.pipeline(name="makes")
def makes(name: str, uri: str):
    make_model(name=name, uri=uri)


@dsl.pipeline(name="looks")
def looks(place: str):
    look_around(place=place)


PIPELINES = (train, waits, fails, branches, notes, makes, looks)


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    for pipeline in PIPELINES:
        compiler.Compiler().compile(pipeline, str(folder / f"{pipeline.name}.yaml"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
