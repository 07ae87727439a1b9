"""Models on one machine: creating one looks whether there is an artifact that can be served."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from adapters.easymaker.engines.base import Observation, Phase
from adapters.easymaker.engines.local.access import engine_error
from adapters.easymaker.engines.local.secret_files import SecretFiles
from adapters.easymaker.engines.local.tools import Tools
from adapters.easymaker.errors import PermanentEngineError
from adapters.easymaker.kinds.record import Family, Goal, Record
from kserve_runtimes.storage import InvalidStorageUri, StorageError, listing

# What has to lie in the artifact's directory, by format; a format that is not named needs any file.
SUFFIXES = {
    "SKLEARN": (".joblib", ".pkl", ".pickle"),
    "TENSORFLOW": (".pb",),
    "HUGGING_FACE": (".safetensors",),
    "TRITON": (".pbtxt",),
}
MOST_FILES = 1000


def require_artifact(model_format: str, uri: str, files: Sequence[str]) -> None:
    """Raises PermanentEngineError when none of the files can be the format's artifact."""
    if not files:
        raise PermanentEngineError(f"there is no file at {uri}; the model's artifact has to be there")
    suffixes = SUFFIXES.get(model_format)
    if suffixes and not any(PurePosixPath(name).suffix in suffixes for name in files):
        wanted = " or ".join(suffixes)
        raise PermanentEngineError(f"there is no {wanted} file at {uri}, which a {model_format} model needs")


class ModelDriver:
    def __init__(self, tools: Tools) -> None:
        self._background = tools.background
        self._access = tools.access
        self._secrets = SecretFiles(tools.home)

    def observe(self, family: Family) -> Observation:
        if family.record.goal is Goal.ABSENT:
            return Observation(
                Phase.STOPPED if self._secrets.get(family.record.appkey, family.record.id) else Phase.MISSING
            )
        if self._background.working(_key(family.record)):
            return Observation(Phase.PENDING, "looking for the artifact", recheck=0.2)
        if self._background.finished(_key(family.record)):
            return Observation(Phase.RUNNING)
        return Observation(Phase.MISSING)

    def start(self, family: Family) -> None:
        record = family.record
        self._background.ensure(_key(record), lambda: self._look(record))

    def stop(self, family: Family) -> None:
        """A model has nothing that could be stopped."""

    def remove(self, family: Family) -> bool:
        """The artifact is the user's and stays."""
        self._background.forget(_key(family.record))
        self._secrets.delete(family.record.appkey, family.record.id)
        return True

    def _look(self, record: Record) -> None:
        uri = record.spec.get("modelUploadUri")
        if uri is None:
            return
        try:
            found = listing(uri, self._access().options(record.appkey), MOST_FILES)
        except (StorageError, InvalidStorageUri) as error:
            raise engine_error(error) from error
        require_artifact(record.spec["modelFormatCode"], uri, [entry.name for entry in found])


def _key(record: Record) -> str:
    return f"model:{record.id}"
