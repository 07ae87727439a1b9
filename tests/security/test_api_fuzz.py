"""schemathesis over every operation of the running adapter: no 5xx, and no answer that the document does not describe.

``EASYMAKER_FUZZ_CALLS=50000`` makes it a long run with fresh random data.
"""

import contextlib
import os
from collections import Counter
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core import NOT_SET
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation

from adapters.easymaker.kinds import KINDS

CALLS = int(os.environ.get("EASYMAKER_FUZZ_CALLS", "0"))
# Of each operation and mode.
EXAMPLES = [4, pytest.param(40, marks=pytest.mark.exhaustive)]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
# Rules that reach over several fields cannot be told in JSON Schema; a sentence tells which one refused the data.
LEFT_OUT = ("positive_data_acceptance",)


class Fuzz:
    def __init__(self, population: Any, token: str) -> None:
        self.ids = population.ids
        self.session = requests.Session()
        self.headers = {"X-EasyMaker-Token": token}
        self.left_out = [check for check in CHECKS.get_all() if check.__name__ in LEFT_OUT]
        self.statuses: Counter[int] = Counter()
        self.failures: dict[str, str] = {}
        api, bodies = population.api, population.bodies()
        self.values = (
            bodies["training"]
            | bodies["hyperparameter-tuning"]
            | bodies["model"]
            | bodies["pipeline"]
            | bodies["pipeline-run"]
            | {
                "trainingTemplateId": self.ids["training-template"],
                "modelId": self.ids["model"],
                "endpointId": self.ids["endpoint"],
                "endpointStageId": self.ids["endpoint-stage"],
                "checkPointInputUri": "nas://models:/saved",
                "checkPointUploadUri": "nas://models:/saved",
                "dataUri": "nas://models:/saved",
                "flavorId": api.flavor(),
            }
        )
        for free in ("trainingName", "hyperparameterTuningName", "modelName", "pipelineName", "description"):
            del self.values[free]

    def check(self, case: Case, real: bool) -> None:
        """Send one case; with ``real`` its references name resources that are there, so that it gets further."""
        if not _invalid_path(case):
            case.path_parameters = dict(case.path_parameters or {}) | self._path(case, real)
        if real and case.meta and case.meta.generation.mode is GenerationMode.POSITIVE:
            case.body = self._realistic(case.body)
        if real:
            # The log of a server that runs is followed for as long as it runs.
            case.query = {name: value for name, value in (case.query or {}).items() if name != "follow"}
        answer = case.call(session=self.session, headers=self.headers)
        self.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, excluded_checks=self.left_out + self._not_meant(case))
        except FailureGroup as group:
            for failure in group.exceptions:
                key = f"{case.operation.label} {type(failure).__name__} {answer.status_code}"
                self.failures.setdefault(key, f"{failure}; body {case.body!r:.300}; answer {answer.text:.300}")

    def _not_meant(self, case: Case) -> list[Any]:
        """Wrong data for schemathesis and not for HTTP: an optional body left out, an unknown query parameter."""
        definition = case.operation.definition.raw
        optional = definition.get("requestBody", {}).get("required") is False and case.body is NOT_SET
        known = {parameter["name"] for parameter in definition.get("parameters", [])}
        ignored = optional or not set(case.query or {}) <= known
        return [check for check in CHECKS.get_all() if ignored and check.__name__ == "negative_data_rejection"]

    def _path(self, case: Case, real: bool) -> dict[str, str]:
        names = case.path_parameters or {}
        found = {"appkey": "local"} if "appkey" in names else {}
        plural = case.path.removeprefix("/v1.0/appkeys/{appkey}/").split("/")[0]
        kind = next((k.name for k in KINDS if k.plural == plural), None)
        if real and kind and "resource_id" in names:
            found["resource_id"] = self.ids[kind]
        return found

    def _realistic(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            without = ("algorithmId", "hyperparameterTuningId", "fineTuningId", "trainingId")
            return {k: self._realistic(v, k) for k, v in value.items() if k not in without}
        if isinstance(value, list):
            return [self._realistic(item) for item in value]
        return self.values.get(name, value)


def _invalid_path(case: Case) -> bool:
    component = case.meta.components.get(ParameterLocation.PATH) if case.meta else None
    return component is not None and component.mode is GenerationMode.NEGATIVE


@pytest.fixture(scope="module")
def fuzzed(make_installation: Any, populate: Any) -> Any:
    """An installation of its own: what is generated may delete anything."""
    installation = make_installation()
    installation.start()
    return installation, populate(installation, "local", "of-fuzz")


@pytest.mark.slow
@pytest.mark.timeout(0 if CALLS else 900)
@pytest.mark.parametrize("examples", EXAMPLES)
def test_no_operation_answers_what_it_does_not_document(
    examples: int, fuzzed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    installation, population = fuzzed
    schema = schemathesis.openapi.from_url(f"{installation.url}/openapi.json")
    fuzz = Fuzz(population, installation.token("owner"))
    operations = sorted((found.ok() for found in schema.get_all_operations()), key=lambda o: o.method == "delete")
    examples = max(1, CALLS // (len(operations) * len(MODES))) if CALLS else examples
    for operation in operations:
        for mode in MODES:
            run = settings(
                max_examples=examples,
                deadline=None,
                database=None,
                derandomize=not CALLS,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            )(given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())(fuzz.check))
            # An operation without parameters cannot be called wrongly.
            with contextlib.suppress(Unsatisfiable):
                run()
    calls = sum(fuzz.statuses.values())
    with capsys.disabled():
        print(f"\nschemathesis: {calls} calls over {len(operations)} operations, {dict(sorted(fuzz.statuses.items()))}")
    assert fuzz.failures == {}, "\n".join(f"{key}: {told}" for key, told in fuzz.failures.items())
    assert {200, 400, 404, 409} <= set(fuzz.statuses), "the data reaches successes and every common error"
    assert calls > len(operations) * examples
