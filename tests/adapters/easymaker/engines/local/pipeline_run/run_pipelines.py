"""Pipelines for the tests of runs, compiled by a program of its own: ``python run_pipelines.py FOLDER``."""

# ruff: noqa: PTH103, PTH110, PTH118, PTH120, PTH123, PTH211 - a component's source is all that it has
# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportFunctionMemberAccess=false
# pyright: reportReturnType=false, reportCallIssue=false, reportInvalidTypeForm=false

import sys
import warnings
from pathlib import Path

from kfp import compiler, dsl, kubernetes
from kfp.dsl import Dataset, Input, Metrics, Model, Output, PipelineTaskFinalStatus

LOCAL = {"base_image": "python:3.11", "install_kfp_package": False}


@dsl.component(**LOCAL)
def say(text: str) -> str:
    import os

    print("says", text, os.environ["EM_KUBEFLOW_PIPELINE_RUN_TASK_NAME"], os.environ["EM_PIPELINE_RUN_ID"])
    with open(os.path.join(os.environ["SHARED"], "said"), "a") as file:
        file.write(text + "\n")
    return text


@dsl.component(**LOCAL)
def side() -> str:
    return "left"


@dsl.component(**LOCAL)
def listed() -> list:
    return ["x", "y", "z"]


@dsl.component(**LOCAL)
def gathered(texts: list) -> str:
    return "+".join(texts)


@dsl.component(**LOCAL)
def make(text: str, model: Output[Model], metrics: Output[Metrics]):
    model.metadata["text"] = text
    metrics.log_metric("accuracy", 0.5)
    with open(model.path, "w") as file:
        file.write(text)


@dsl.component(**LOCAL)
def read_model(model: Input[Model]) -> str:
    with open(model.path) as file:
        return file.read()


@dsl.component(**LOCAL)
def read_data(data: Input[Dataset]) -> str:
    with open(data.path) as file:
        return file.read()


@dsl.component(**LOCAL)
def read_all(models: Input[list[Model]]) -> str:
    return "+".join(sorted(open(model.path).read() for model in models))


@dsl.component(**LOCAL)
def fail(code: int):
    import sys

    print("fails now")
    sys.exit(code)


@dsl.component(**LOCAL)
def succeed_at(attempt: int) -> str:
    import os

    path = os.path.join(os.environ["SHARED"], "attempts")
    with open(path, "a") as file:
        file.write("x")
    with open(path) as file:
        if len(file.read()) < attempt:
            raise RuntimeError("not yet")
    return "at last"


@dsl.component(**LOCAL)
def final(status: PipelineTaskFinalStatus) -> str:
    return status.state


@dsl.component(**LOCAL)
def meet(name: str, others: list) -> str:
    """Ends only when all others run at the same time."""
    import os
    import time

    folder = os.environ["SHARED"]
    open(os.path.join(folder, name), "w").close()
    while not all(os.path.exists(os.path.join(folder, other)) for other in others):
        time.sleep(0.02)
    return name


@dsl.component(**LOCAL)
def wait_for(name: str) -> str:
    """Notes that it runs, with a process that has gone its own ways, and ends when the file is there."""
    import os
    import subprocess
    import time

    folder = os.environ["SHARED"]
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    with open(os.path.join(folder, "began"), "a") as file:
        file.write(f"{os.getpid()}\n")
    while not os.path.exists(os.path.join(folder, name)):
        time.sleep(0.02)
    return name


@dsl.component(**LOCAL)
def ignore_terms():
    import os
    import signal
    import time

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(os.path.join(os.environ["SHARED"], "began"), "a") as file:
        file.write(f"{os.getpid()}\n")
    while True:
        time.sleep(0.05)


@dsl.component(**LOCAL)
def shout(lines: int, size: int) -> str:
    for number in range(lines):
        print(number, "." * 80)
    return "." * size


@dsl.component(**LOCAL)
def link_out(path: str, made: dsl.OutputPath(str), model: Output[Model]):
    import os

    os.makedirs(os.path.dirname(made), exist_ok=True)
    os.symlink(path, made)


@dsl.component(**LOCAL)
def lead_away(path: str, model: Output[Model]):
    model.uri = path


@dsl.component(**LOCAL)
def overwrite(path: str) -> str:
    try:
        with open(path, "a") as file:
            file.write("{}")
    except OSError as error:
        return str(error)
    return "written"


@dsl.pipeline(name="branches")
def branches(wanted: str = "left") -> str:
    toss = side()
    with dsl.If(toss.output == wanted):
        yes = say(text="yes")
    with dsl.Else():
        no = say(text="no")
    return dsl.OneOf(yes.output, no.output)


@dsl.pipeline(name="loops")
def loops(static: list = ["a", "b"]):  # noqa: B006 - kfp takes the default from the signature
    found = listed()
    with dsl.ParallelFor(found.output) as item:
        said = say(text=item)
        with dsl.ParallelFor(["1", "2"]) as inner:
            say(text=inner)
    gathered(texts=dsl.Collected(said.output))
    with dsl.ParallelFor(static) as item:
        made = make(text=item)
    read_all(models=dsl.Collected(made.outputs["model"]))


@dsl.pipeline(name="inner")
def inner(text: str = "within") -> str:
    return say(text=text).output


@dsl.pipeline(name="nested")
def nested(text: str = "outer") -> str:
    first = inner(text=text)
    inner()
    return say(text=first.output).output


@dsl.pipeline(name="twice")
def twice():
    """Two tasks of one component: kfp.local gives both the same folder."""
    one, two = make(text="one"), make(text="two")
    read_model(model=one.outputs["model"])
    read_model(model=two.outputs["model"])


@dsl.pipeline(name="exits")
def exits():
    with dsl.ExitHandler(final()):
        broken = fail(code=3)
        say(text="never").after(broken)
        say(text="beside")


@dsl.pipeline(name="imports")
def imports(path: str):
    read_data(data=dsl.importer(artifact_uri=path, artifact_class=Dataset).output)


@dsl.pipeline(name="retries")
def retries(attempt: int = 3):
    succeed_at(attempt=attempt).set_retry(2, backoff_duration="0s")


@dsl.pipeline(name="meets")
def meets():
    meet(name="one", others=["two", "three"])
    meet(name="two", others=["one", "three"])
    meet(name="three", others=["one", "two"])


@dsl.pipeline(name="waits")
def waits():
    first = make(text="kept")
    second = wait_for(name="go")
    read_model(model=first.outputs["model"]).after(second)


@dsl.pipeline(name="stubborn")
def stubborn():
    ignore_terms()
    wait_for(name="never")


@dsl.pipeline(name="hostile")
def hostile(text: str):
    with dsl.If(text == "it\\'s"):
        say(text="same")
    with dsl.Else():
        say(text=text)


@dsl.pipeline(name="large")
def large(lines: int, size: int):
    shout(lines=lines, size=size)


@dsl.pipeline(name="links")
def links(path: str):
    link_out(path=path)
    lead_away(path=path)


@dsl.pipeline(name="overwrites")
def overwrites(path: str):
    overwrite(path=path)


@dsl.pipeline(name="timed")
def timed():
    task = wait_for(name="never")
    kubernetes.set_timeout(task, 1)
    kubernetes.add_node_selector(task, "disk", "ssd")
    task.set_memory_limit("1G").set_accelerator_limit(1).set_accelerator_type("nvidia.com/gpu")


@dsl.pipeline(name="many")
def many(items: list):
    with dsl.ParallelFor(items) as item:
        say(text=item)


@dsl.pipeline(name="cached")
def cached():
    say(text="once")
    say(text="always").set_caching_options(False)


PIPELINES = (
    branches, loops, nested, twice, exits, imports, retries, meets, waits, stubborn, hostile, large, links, timed,
    many, cached, overwrites,
)  # fmt: skip


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    for pipeline in PIPELINES:
        compiler.Compiler().compile(pipeline, str(folder / f"{pipeline.name}.yaml"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
