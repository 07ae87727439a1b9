"""A model artifact or a place in storage becomes a model of EasyMaker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfp_components.easymaker.easymaker_api.client import EasyMakerApi, Json
from kfp_components.easymaker.runs.artifact import Artifact
from kfp_components.easymaker.upload.uploading import upload_from


class RegistrationInvalid(ValueError):
    """The text says what to give instead."""


@dataclass(frozen=True)
class Registration:
    model_name: str
    model_format: str = ""
    model_uri: str = ""
    training_id: str = ""
    tuning_id: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""

    def body(self, uri: str) -> Json:
        listed = [{"parameterName": name, "parameterValue": str(value)} for name, value in self.parameters.items()]
        return {
            "modelName": self.model_name,
            "modelFormatCode": self.model_format or None,
            "modelUploadUri": uri or None,
            "trainingId": self.training_id or None,
            "hyperparameterTuningId": self.tuning_id or None,
            "parameterList": listed or None,
            "description": self.description or None,
        }


def register(registration: Registration, model: Artifact | None = None) -> str:
    """The id of the model, once it is ACTIVE. Raises RegistrationInvalid, ApiError or StorageError."""
    with EasyMakerApi.connect() as api:
        uri = registration.model_uri
        if model is not None:
            uri = _uri_of(model, uri)
        made = api.create("models", "model", registration.body(uri))
        return api.wait("models", "model", made["modelId"])["modelId"]


def _uri_of(model: Artifact, given: str) -> str:
    """Where the artifact's files lie in storage that model servers can read; brought there if need be."""
    known = str(model.metadata.get("modelUploadUri") or "")
    if known and given in ("", known):
        return known
    if not given:
        raise RegistrationInvalid(
            "the model is in the pipeline's own storage only: give model_uri, a place at obs:// or nas:// for it, "
            "or give train a model_upload_uri"
        )
    upload_from(Path(model.path), given)
    return given
