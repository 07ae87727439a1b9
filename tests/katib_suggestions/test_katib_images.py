"""The two images for Katib are one: only what runs when nothing is said differs, since Katib says nothing."""

from tests.images.dockerfiles import DOCKERFILES, Dockerfile, Instruction

FILE = Dockerfile.read(DOCKERFILES["katib-suggestions"])
PORTS = {"suggestion": "6789", "early-stopping": "6788"}


def target(name: str) -> list[Instruction]:
    (stage,) = [each.stage for each in FILE.all("FROM") if each.words[1:] == ["AS", name]]
    return [each for each in FILE.instructions if each.stage == stage]


def test_both_targets_are_the_same_but_for_the_command() -> None:
    for name, port in PORTS.items():
        own = {each.name: each.words for each in target(name)}
        # Katib's early-stopping container has neither a command nor arguments in the configuration.
        assert own["CMD"] == [name, "--host", "[::]"]
        assert own["EXPOSE"] == [port]
        assert own["FROM"][0] == "services"
        assert own.keys() == {"FROM", "EXPOSE", "CMD"}
