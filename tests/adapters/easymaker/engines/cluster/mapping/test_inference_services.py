"""What a stage resource becomes on a cluster: readable golden files, strictly valid, and the rules behind them."""

import base64
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from adapters.easymaker.engines.cluster.mapping.backends import predictor, service_name
from adapters.easymaker.engines.cluster.mapping.inference_services import (
    inference_service,
    literal,
    most_pods,
    storage_uri,
)
from adapters.easymaker.engines.cluster.secret_keys import secret_key
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Family, Json
from tests.adapters.easymaker.engines.cluster import serving_samples as samples
from tests.adapters.easymaker.engines.cluster.golden_files import require_golden, require_strictly_valid
from tests.adapters.easymaker.engines.cluster.serving_samples import model, resource, resource_family, site, stage

PARAMETERS = [
    {"parameterName": "predictFn", "parameterValue": "predict_proba"},
    {"parameterName": "note", "parameterValue": "costs $(PRICE) {{.Name}}"},
    {"parameterName": "hf_token", "isSecret": True},
]


def rendered(family: Family | None = None, **settings: Any) -> list[Json]:
    return inference_service(family or resource_family(), site(**settings)).manifests()


def predictor_of(family: Family | None = None, **settings: Any) -> Json:
    return rendered(family, **settings)[0]["spec"]["predictor"]


def _gpu() -> list[Json]:
    share = {"cpuMilli": 2000, "memoryMib": 8192, "gpu": 1}
    return rendered(resource_family(resource(share=share, podCount=2), on=stage(flavorId=samples.GPU.id, nodeCount=2)))


def _scaled() -> Family:
    scaled = resource(podAutoScaleEnable=True, scaleMetricCode="MEMORY_UTILIZATION", scaleMetricTarget=70)
    return resource_family(scaled, on=stage(caEnable=True, caMaxNodeCount=4))


CASES = {
    "inference-service-object-storage": rendered,
    "inference-service-nas": lambda: rendered(resource_family(served=model(modelUploadUri="nas://data:/iris/model"))),
    "inference-service-parameters": lambda: rendered(resource_family(served=model(parameterList=PARAMETERS))),
    "inference-service-odd-name": lambda: rendered(resource_family(resource("my 모델 {{x}} $y 100%"))),
    "inference-service-gpu": _gpu,
    "inference-service-autoscaled": lambda: rendered(_scaled()),
    "inference-service-serverless": lambda: rendered(_scaled(), serving_mode="Serverless"),
}


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    require_golden(case, CASES[case]())


@pytest.mark.parametrize("case", CASES)
def test_strictly_valid(case: str) -> None:
    require_strictly_valid(CASES[case]())


def test_kserve_can_make_a_host_name_of_it_in_namespaces_of_usual_length() -> None:
    """KServe refuses one whose first label, of name and namespace, is longer than 63: the whole id would be."""
    label = f"{predictor(samples.RESOURCE_ID)}-kubeflow-user-example-com"
    assert len(label) <= 63
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", service_name(samples.RESOURCE_ID))


def test_names_of_many_resources_differ() -> None:
    assert len({service_name(str(number)) for number in range(20_000)}) == 20_000


# What KServe and Kubernetes do with a container's variables and arguments, as far as plain text is concerned.


def _templated(text: str) -> str:
    """Go's text/template: an action with a raw string yields that string; there is no other action."""

    def action(found: re.Match[str]) -> str:
        inner = re.fullmatch(r"`([^`]*)`", found[1])
        assert inner is not None, f"KServe would execute {found[0]}"
        return inner[1]

    return re.sub(r"\{\{(`[^`]*`|.*?)\}\}", action, text, flags=re.DOTALL)


def _expanded(text: str) -> str:
    """Kubernetes: $$ is a dollar, $(NAME) a reference."""
    assert not re.search(r"\$\([^)]*\)", text.replace("$$", "")), f"Kubernetes would expand {text}"
    return text.replace("$$", "$")


@given(some.text(alphabet=some.sampled_from("{}`$()aN. \\\"'\n모"), max_size=30))
def test_no_text_is_a_template_or_a_reference(text: str) -> None:
    assert _expanded(_templated(literal(text))) == text


@pytest.mark.parametrize("text", ["{{.Namespace}}", "{{{{", "$(HF_TOKEN)", "$$(HF_TOKEN)", "{{`}}`}}", "{{- x -}}"])
def test_texts_that_are_known_to_mean_something_stay_themselves(text: str) -> None:
    assert _expanded(_templated(literal(text))) == text


def test_the_server_is_told_the_models_name_and_not_the_objects() -> None:
    named = predictor_of(resource_family(resource("my 모델")))["model"]["env"]
    assert named == [{"name": "MLSERVER_MODEL_NAME", "value": "my 모델"}]


def test_secrets_are_referred_to_and_never_arguments() -> None:
    secret = [{"parameterName": "토큰 hf_token", "isSecret": True}]
    container = predictor_of(resource_family(served=model(parameterList=secret)))["model"]
    (variable,) = [each for each in container["env"] if each["name"] == "HF_TOKEN"]
    reference = variable["valueFrom"]["secretKeyRef"]
    assert reference == {"name": f"em-{samples.MODEL_ID}-secret", "key": secret_key("토큰 hf_token")}
    assert base64.urlsafe_b64decode(reference["key"].removeprefix("em.") + "==").decode() == "토큰 hf_token"
    assert "args" not in container


@pytest.mark.parametrize(
    "name", ["mlserver_model_uri", "MLSERVER_HOST", "path", "ld_preload", "PYTHONPATH", "home", "2nd", "모델"]
)
def test_parameters_that_cannot_be_variables_are_arguments_only(name: str) -> None:
    """KServe refuses an InferenceService that sets PYTHONPATH; the others would break or subvert the server."""
    container = predictor_of(resource_family(served=model(parameterList=[_parameter(name)])))["model"]
    assert [each["name"] for each in container["env"]] == ["MLSERVER_MODEL_NAME"]
    assert container["args"] == [f"--{name}", "x"]


def _parameter(name: str) -> Json:
    return {"parameterName": name, "parameterValue": "x"}


@pytest.mark.parametrize(
    ("share", "spec", "pods"),
    [
        ((500, 1024, 0), {"nodeCount": 1}, 7),  # 3500m usable CPU, 7168Mi
        ((500, 4000, 0), {"nodeCount": 1}, 1),
        ((500, 4000, 0), {"nodeCount": 3}, 3),
        ((3500, 7168, 0), {"nodeCount": 1, "caEnable": True, "caMaxNodeCount": 4}, 4),
        ((3500, 7168, 0), {"nodeCount": 1, "caEnable": False, "caMaxNodeCount": 4}, 1),
        ((1000, 1024, 1), {"nodeCount": 2}, 4),
    ],
)
def test_as_many_pods_as_fit_the_stage(share: tuple[int, int, int], spec: Json, pods: int) -> None:
    amounts = dict(zip(("cpuMilli", "memoryMib", "gpu"), share, strict=True))
    assert most_pods(amounts, stage(**spec), samples.GPU if share[2] else samples.CPU) == pods


def test_autoscaling_starts_at_the_pod_count_and_has_a_target_of_its_own() -> None:
    scaled = predictor_of(resource_family(resource(podAutoScaleEnable=True, podCount=9)))
    assert (scaled["minReplicas"], scaled["maxReplicas"]) == (9, 9), "never less than was asked for"
    assert (scaled["scaleMetric"], scaled["scaleTarget"]) == ("cpu", 80)


def test_without_autoscaling_nothing_scales() -> None:
    """KServe would otherwise make an autoscaler of its own accord."""
    service = rendered(resource_family(resource(podCount=3)))[0]
    assert service["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "none"
    assert service["spec"]["predictor"]["minReplicas"] == service["spec"]["predictor"]["maxReplicas"] == 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("nas://data:/", "pvc://nas-data/"),
        ("nas://data:/a b/모델", "pvc://nas-data/a b/모델"),
        ("nas://data:/model.joblib", "pvc://nas-data/model.joblib"),
        ("obs://h.example.com/v1/AUTH_t/c/pa$(X)th", "obs://h.example.com/v1/AUTH_t/c/pa%24(X)th"),
    ],
)
def test_where_kserve_finds_the_artifact(given: str, expected: str) -> None:
    assert storage_uri(model(modelUploadUri=given)) == expected


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "no artifact"),
        ("nas://Data_1:/model", "DNS label"),
        ("https://example.com/model", "obs:// or nas://"),
        ("file:///etc", "obs:// or nas://"),
        ("obs://example.com/c/..", "not a usable storage URI"),
    ],
)
def test_what_cannot_be_an_artifact_is_told(given: str | None, told: str) -> None:
    with pytest.raises(PermanentEngineError, match=told):
        storage_uri(model(modelUploadUri=given))


@pytest.mark.parametrize(
    ("family", "told"),
    [
        (resource_family(resource(modelFormatCode="TRITON")), "cannot serve TRITON models yet; it serves SKLEARN"),
        (resource_family(on=stage(flavorId="gone")), "no longer in the catalogue"),
        (resource_family(resource("𝔸" * 50)), "have to be escaped"),
        (Family(resource()), "is gone"),
    ],
)
def test_what_cannot_be_served_is_told(family: Family, told: str) -> None:
    with pytest.raises(PermanentEngineError, match=told):
        rendered(family)
