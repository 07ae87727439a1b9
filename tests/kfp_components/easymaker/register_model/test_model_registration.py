"""What is registered: a model where it lies already, or an artifact that is brought to storage first."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kfp_components.easymaker.register_model.registration import Registration, RegistrationInvalid, register
from tests.kfp_components.easymaker.answering_server import Answer, Request, answering


@dataclass
class Artifact:
    path: str
    metadata: dict[str, Any] = field(default_factory=dict)


def easymaker(request: Request) -> Answer:
    model = {"modelId": "m", "modelStatusCode": "ACTIVE"}
    return 200, {"header": {"isSuccessful": True}, "model": model}


@pytest.fixture
def artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifact:
    monkeypatch.setenv("EASYMAKER_NAS_ROOT", str(tmp_path / "nas"))
    (tmp_path / "nas/vol").mkdir(parents=True)
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact/model.joblib").write_text("a model")
    return Artifact(str(tmp_path / "artifact"))


def registered(monkeypatch: pytest.MonkeyPatch, artifact: Artifact | None, **given: Any) -> dict[str, Any]:
    """The body of the request."""
    with answering(easymaker) as server:
        monkeypatch.setenv("EM_API_URL", server.url)
        assert register(Registration("iris", **given), artifact) == "m"
    return server.requests[0].body


def test_an_artifact_is_uploaded_first(artifact: Artifact, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    body = registered(monkeypatch, artifact, model_format="SKLEARN", model_uri="nas://vol:/iris")
    assert body == {"modelName": "iris", "modelFormatCode": "SKLEARN", "modelUploadUri": "nas://vol:/iris"}
    assert (tmp_path / "nas/vol/iris/model.joblib").read_text() == "a model"


def test_what_train_has_uploaded_is_registered_where_it_lies(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    artifact.metadata["modelUploadUri"] = "nas://vol:/trained"
    assert registered(monkeypatch, artifact)["modelUploadUri"] == "nas://vol:/trained"
    assert list((tmp_path / "nas/vol").iterdir()) == []
    # Another place was asked for.
    assert registered(monkeypatch, artifact, model_uri="nas://vol:/copy")["modelUploadUri"] == "nas://vol:/copy"
    assert (tmp_path / "nas/vol/copy/model.joblib").exists()


def test_a_model_in_the_pipelines_storage_alone_cannot_be_served(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RegistrationInvalid, match="give model_uri"):
        registered(monkeypatch, artifact)


def test_a_hugging_face_model_has_parameters_and_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    body = registered(monkeypatch, None, model_format="HUGGING_FACE", parameters={"model_id": "a/b"})
    assert body["parameterList"] == [{"parameterName": "model_id", "parameterValue": "a/b"}]
    assert "modelUploadUri" not in body


def test_the_best_model_of_a_tuning_is_known_to_easymaker(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registered(monkeypatch, None, tuning_id="t") == {"modelName": "iris", "hyperparameterTuningId": "t"}
