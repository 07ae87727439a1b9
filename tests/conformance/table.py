"""Prints how many conformance tests there are of each kind over each engine: ``python -m tests.conformance.table``."""

import contextlib
import io
from collections import Counter
from pathlib import Path

import pytest

from adapters.easymaker.kinds import KINDS

NAMES = [kind.name for kind in KINDS]
# A test is about the kind in its parameters, else about that of its module, else about that of its name.
MODULES = {
    "trainings": "training",
    "training_lives": "training",
    "tunings": "hyperparameter-tuning",
    "experiments": "experiment",
    "records": "model",
    "pipeline_runs": "pipeline-run",
}
PREFIXES = {
    "test_a_stage_resource": "endpoint-model",
    "test_a_models_secret": "model",
    "test_a_stage": "endpoint-stage",
    "test_an_endpoint": "endpoint",
}


class Collected:
    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        for item in items:
            params = item.callspec.params
            for kind in kinds_of(item, str(params.get("kind", ""))):
                self.counts[kind, str(params["world"])] += 1


def kinds_of(item: pytest.Function, parameter: str) -> list[str]:
    """One, or all of them for a test that asks every driver."""
    if parameter:
        return [parameter]
    module = MODULES.get(item.path.stem.removeprefix("test_conformance_"))
    named = next((kind for prefix, kind in PREFIXES.items() if item.originalname.startswith(prefix)), None)
    found = module or named
    return [found] if found else NAMES


def main() -> None:
    collected = Collected()
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["--collect-only", "-q", "-n", "0", str(Path(__file__).parent)], plugins=[collected])
    engines = list(dict.fromkeys(engine for _, engine in collected.counts))
    print("| kind | " + " | ".join(engines) + " |")
    print("|---" * (len(engines) + 1) + "|")
    for kind in NAMES:
        print(f"| {kind} | " + " | ".join(str(collected.counts[kind, engine] or "") for engine in engines) + " |")


if __name__ == "__main__":
    main()
