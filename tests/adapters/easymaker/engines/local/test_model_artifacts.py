"""Which files can be a model of which format."""

import pytest

from adapters.easymaker.engines.local.models import require_artifact
from adapters.easymaker.errors import PermanentEngineError


@pytest.mark.parametrize(
    ("model_format", "files"),
    [
        ("SKLEARN", ["notes.txt", "model.joblib"]),
        ("SKLEARN", ["deep/er/model.pkl"]),
        ("TENSORFLOW", ["1/saved_model.pb"]),
        ("HUGGING_FACE", ["model.safetensors"]),
        ("TRITON", ["iris/config.pbtxt"]),
        ("PYTORCH", ["anything"]),
    ],
)
def test_an_artifact_of_its_format_is_taken(model_format: str, files: list[str]) -> None:
    require_artifact(model_format, "nas://data:/model", files)


def test_a_directory_without_files_says_where_it_was_looked_for() -> None:
    with pytest.raises(PermanentEngineError, match=r"no file at nas://data:/model"):
        require_artifact("SKLEARN", "nas://data:/model", [])


@pytest.mark.parametrize("files", [["model.txt"], ["joblib"], ["model.joblib.bak"]])
def test_a_directory_without_the_formats_files_says_which_are_missing(files: list[str]) -> None:
    with pytest.raises(PermanentEngineError, match=r"no \.joblib or \.pkl or \.pickle file .* SKLEARN"):
        require_artifact("SKLEARN", "nas://data:/model", files)
