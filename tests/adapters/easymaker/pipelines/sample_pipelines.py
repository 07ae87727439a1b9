"""Pipelines with every construct that kfp compiles, for the tests; imported only where kfp is wanted (two seconds).

A step notes what it was given as a line of JSON in the file $NOTES.
"""

# ruff: noqa: PTH123 - a component's source is all that it has
# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportFunctionMemberAccess=false
# pyright: reportReturnType=false, reportCallIssue=false, reportInvalidTypeForm=false

from typing import NamedTuple, Optional

from kfp import dsl, kubernetes
from kfp.dsl import Artifact, Input, Model, Output, PipelineTaskFinalStatus

LOCAL = {"base_image": "python:3.11", "install_kfp_package": False}


@dsl.component(**LOCAL)
def note(text: str, more: str = "") -> str:
    import json
    import os

    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps([text, more] if more else text) + "\n")
    return text


@dsl.component(**LOCAL)
def note_optional(given: Optional[str] = None):  # noqa: UP045 - kfp knows no other way
    import json
    import os

    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps(given) + "\n")


@dsl.component(**LOCAL)
def note_all(texts: list[str]):
    import json
    import os

    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps(texts) + "\n")


@dsl.component(**LOCAL)
def note_model(model: Input[Model]):
    import json
    import os

    with open(os.environ["NOTES"], "a") as notes, open(model.path) as file:
        notes.write(json.dumps(file.read()) + "\n")


@dsl.component(**LOCAL)
def note_status(status: PipelineTaskFinalStatus):
    import json
    import os

    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps(status.state) + "\n")


@dsl.component(**LOCAL)
def make_model(content: str, model: Output[Model]):
    with open(model.path, "w") as file:
        file.write(content)


@dsl.component(**LOCAL)
def flip() -> str:
    return "heads"


@dsl.component(**LOCAL)
def several() -> NamedTuple("Several", text=str, number=int, ratio=float, yes=bool, items=list[str], none=list[str]):
    from collections import namedtuple

    made = namedtuple("Several", ["text", "number", "ratio", "yes", "items", "none"])
    return made("it's", 3, 0.5, True, ["a", "b"], [])


@dsl.component(**LOCAL)
def fails():
    raise SystemExit(3)


@dsl.container_component
def shell(text: str):
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c"], args=["echo", text])


@dsl.component(base_image="python:3.11", target_image="registry.example/own:1")
def own_image():
    pass


@dsl.pipeline(name="linear", display_name="Linear one", description="two steps")
def linear(message: str = "hello", steps: int = 100):
    first = note(text=message)
    second = note(text=first.output).set_retry(3, "10s", 2.0, "60s").set_display_name("The second")
    second.set_caching_options(False)


@dsl.pipeline(name="typed")
def typed(
    text: str,
    number: int = 3,
    ratio: float = 0.5,
    yes: bool = True,
    items: list[str] = ["a"],  # noqa: B006 - kfp takes the default from the signature
    mapping: dict[str, int] = {"a": 1},  # noqa: B006
    absent: Optional[str] = None,  # noqa: UP045 - kfp knows no other way
):
    """All types.

    Args:
        text: What to say.
    """
    note(text=text, more=f"{number} {ratio} {yes} {items} {mapping}")


@dsl.pipeline(name="branches")
def branches(side: str = "heads", limit: int = 3) -> str:
    toss = flip()
    made = several()
    with dsl.If(toss.output == side, name="same"):
        won = note(text="won")
    with dsl.Elif(made.outputs["number"] > limit):
        drawn = note(text="drawn")
    with dsl.Else():
        lost = note(text="lost")
    return dsl.OneOf(won.output, drawn.output, lost.output)


@dsl.pipeline(name="choose-model")
def choose_model(side: str) -> Model:
    with dsl.If(side == "left"):
        left = make_model(content="left model")
    with dsl.Else():
        right = make_model(content="right model")
    return dsl.OneOf(left.outputs["model"], right.outputs["model"])


@dsl.pipeline(name="model-branches")
def model_branches(side: str = "left"):
    chosen = choose_model(side=side)
    note_model(model=chosen.output)


@dsl.pipeline(name="conditions")
def conditions(text: str = "a", number: int = 1, ratio: float = 0.5, yes: bool = True):
    made = several()
    for condition in (
        text == "a", text != "tätää 漢字", text < "b", text == 3, text == 3.5, text == True,  # noqa: E712
        number == 1, number <= -5, number > 1.5, ratio == 1, ratio < 1e-7, ratio >= 1e300, ratio != -2,
        yes == True, yes != False, yes == 0, number > 5,  # noqa: E712
        made.outputs["text"] == text, made.outputs["number"] == number, made.outputs["number"] < ratio,
        made.outputs["ratio"] > 0.25, made.outputs["yes"] == yes,
    ):  # fmt: skip
        with dsl.If(condition):
            note(text="yes")
        with dsl.Elif(number == 2):
            note(text="two")
        with dsl.Else():
            note(text="no")


@dsl.pipeline(name="quoted")
def quoted(text: str = "it's", number: int = 1):
    with dsl.If(text == "it's"):
        note(text="unescaped")
    with dsl.If(number == "1"):
        note(text="a number as text")


@dsl.pipeline(name="escaped")
def escaped(text: str = "it's"):
    with dsl.If(text == "it\\'s"):
        note(text="same")
    with dsl.Else():
        note(text="other")


@dsl.pipeline(name="guarded")
def guarded(secret: str):
    with dsl.If(secret == "open"):
        note(text="in")
    with dsl.Else():
        note(text="out")


@dsl.pipeline(name="loops")
def loops(prefix: str = "p", names: list[str] = ["x", "y"]):  # noqa: B006
    outside = flip()
    made = several()
    with dsl.ParallelFor([{"a": "1", "b": "2"}, {"a": "3", "b": "4"}], parallelism=1) as item:
        inner = note(text=item.a, more=outside.output)
        with dsl.If(item.b == "4"):
            note(text="four")
    note_all(texts=dsl.Collected(inner.output))
    with dsl.ParallelFor(names) as name:
        note(text=f"{prefix}-{name}")
    with dsl.ParallelFor(["1", "2"]) as number, dsl.ParallelFor(made.outputs["items"]) as each:
        note(text=each, more=number)
    with dsl.ParallelFor(made.outputs["none"]) as nothing:
        never = note(text=nothing)
    note_all(texts=dsl.Collected(never.output))


@dsl.pipeline(name="lost-item")
def lost_item(names: list[str]):
    """kfp 2.17 compiles this to references that lead nowhere."""
    made = several()
    with dsl.ParallelFor(names) as name, dsl.ParallelFor(made.outputs["items"]) as each:
        note(text=f"{name}-{each}")
    with dsl.ParallelFor(["1", "2"]) as number, dsl.ParallelFor(["3", "4"]) as other:
        note(text=f"{number}-{other}")


@dsl.pipeline(name="inner")
def inner_pipeline(text: str = "default", absent: Optional[str] = None) -> str:  # noqa: UP045 - kfp knows no other way
    note_optional(given=absent)
    return note(text=text).output


@dsl.pipeline(name="nested")
def nested(text: str = "around"):
    first = inner_pipeline()
    with dsl.If(first.output == "default"):
        note(text="the inner default")
    inner_pipeline(text=text)


@dsl.pipeline(name="exit-handler")
def exit_handler():
    with dsl.ExitHandler(note_status(), name="always"), dsl.If(flip().output == "heads"):
        fails()
    note_all(texts=["goes on"]).after(fails()).ignore_upstream_failure()


@dsl.pipeline(name="imported")
def imported(address: str = "obs://region/bucket/model"):
    note_model(model=dsl.importer(artifact_uri="s3://bucket/model", artifact_class=Model).output)
    note_model(model=dsl.importer(artifact_uri=address, artifact_class=Model).output)
    note_model(model=dsl.importer(artifact_uri="/data/model", artifact_class=Model).output)


@dsl.pipeline(name="containers")
def containers():
    shell(text="hello")
    with dsl.ParallelFor(["a", "b"]) as item:
        shell(text=item)
    own_image()


@dsl.pipeline(name="platform")
def platform():
    task = note(text="hello")
    kubernetes.use_secret_as_env(task, "secret", {"key": "KEY"})
    kubernetes.add_node_selector(task, "disk", "ssd")


@dsl.pipeline(name="artifact-input")
def artifact_input(data: Input[Artifact]):
    note(text="hello")


ALL = {
    each.name: each
    for each in (
        linear, typed, branches, model_branches, conditions, quoted, escaped, guarded, loops, lost_item, nested,
        exit_handler, imported, containers, platform, artifact_input,
    )
}  # fmt: skip
