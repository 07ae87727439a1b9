"""A batch inference from its data to its results and its numbers."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from kfp_components.easymaker.batch_inference.data import Data, DataInvalid, Files, find
from kfp_components.easymaker.batch_inference.protocols import PROTOCOLS
from kfp_components.easymaker.batch_inference.requests import Answer, ModelServer, Question
from kfp_components.easymaker.easymaker_api.client import EasyMakerApi
from kfp_components.easymaker.easymaker_api.serving import default_predict_url
from kfp_components.easymaker.easymaker_api.storage_access import storage_options
from kserve_runtimes.storage import transfer
from kserve_runtimes.storage.options import StorageOptions

RESULT_FILE = "predictions.jsonl"

__all__ = ["Counts", "Data", "DataInvalid", "InferenceFailed", "Inputs", "Options", "run"]


class InferenceFailed(Exception):
    """More records failed than may; the text has the first reason."""


@dataclass(frozen=True)
class Inputs:
    """What of a record the model gets: one field, several in this order, or without either all of it."""

    field: str = ""
    fields: Sequence[str] = ()

    def of(self, record: Any) -> Any:
        """A CSV's fields are texts: those that are numbers become such again. Raises DataInvalid."""
        wanted = [self.field] if self.field else list(self.fields)
        if not wanted:
            return record
        if not isinstance(record, dict) or any(name not in record for name in wanted):
            raise DataInvalid(f"a record has not all of the fields {', '.join(wanted)}: {str(record)[:200]}")
        values = [_value(record[name]) for name in wanted]
        return values[0] if self.field else values


@dataclass(frozen=True)
class Options:
    inputs: Inputs = Inputs()
    protocol: str = "v1"
    batch_size: int = 32
    parallel_requests: int = 1
    timeout_seconds: float = 60.0
    most_failures: int = 0

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol {self.protocol!r} is none of {', '.join(PROTOCOLS)}")
        if self.batch_size < 1 or self.parallel_requests < 1:
            raise ValueError("batch_size and parallel_requests must be at least 1")


@dataclass
class Counts:
    """As EasyMaker counts a batch inference; 2xx, 4xx and 5xx are records by the answer to their request."""

    files: int = 0
    processed: int = 0
    failed: int = 0
    success_2xx: int = 0
    fail_4xx: int = 0
    fail_5xx: int = 0
    first_error: str = ""

    def add(self, answer: Answer) -> None:
        size = len(answer.question.records)
        if answer.predictions is not None:
            self.processed += size
        else:
            self.failed += size
            self.first_error = self.first_error or answer.error
        group = answer.status // 100
        self.success_2xx += size * (group == 2)
        self.fail_4xx += size * (group == 4)
        self.fail_5xx += size * (group == 5)

    def metrics(self) -> dict[str, int]:
        return {
            "inputFileCount": self.files,
            "inputDataCount": self.processed + self.failed,
            "processCount": self.processed,
            "failCount": self.failed,
            "success2xxCount": self.success_2xx,
            "fail4xxCount": self.fail_4xx,
            "fail5xxCount": self.fail_5xx,
        }


def run(data: Data, options: Options, model: tuple[str, str], result: str, output_uri: str = "") -> Counts:
    """Predict for all of it; ``model`` is an URL, or an endpoint's name or id. The results are a file at ``result``.

    Raises:
        InferenceFailed: too many records could not be predicted; the results say which.
        DataInvalid, StorageError, ApiError: the data cannot be read, the results not stored, the endpoint not found.
    """
    url = _url(*model)
    path = Path(result)
    with storage_options() as storage:
        files = find(data, storage)
        server = ModelServer(url, PROTOCOLS[options.protocol], options.timeout_seconds)
        try:
            with path.open("w", encoding="utf-8") as out:
                counts = _predict(files, options, server, out)
        finally:
            server.close()
        if output_uri:
            _store(path, output_uri, storage)
    print(f"{counts.processed} record(s) predicted, {counts.failed} failed", flush=True)  # noqa: T201 - a step's log
    if counts.failed > options.most_failures:
        raise InferenceFailed(f"{counts.failed} record(s) could not be predicted; the first: {counts.first_error}")
    return counts


def _url(predict_url: str, endpoint: str) -> str:
    if not predict_url and not endpoint:
        raise ValueError("give predict_url or endpoint")
    if predict_url:
        return predict_url
    with EasyMakerApi.connect() as api:
        return default_predict_url(api, endpoint)


def _predict(files: Files, options: Options, server: ModelServer, out: IO[str]) -> Counts:
    counts = Counts(files=len(files.names))
    for answer in server.ask_all(_questions(files, options), options.parallel_requests):
        counts.add(answer)
        predicted = answer.predictions or ()
        for number, record in enumerate(answer.question.records):
            told = {"prediction": predicted[number]} if answer.predictions is not None else {"error": answer.error}
            out.write(json.dumps({"instance": record} | told, ensure_ascii=False) + "\n")
    return counts


def _questions(files: Files, options: Options) -> Iterator[Question]:
    found = (record for name in files.names for record in files.records(name))
    while batch := list(islice(found, options.batch_size)):
        yield Question(batch, [options.inputs.of(record) for record in batch])


def _value(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _store(path: Path, uri: str, storage: StorageOptions) -> None:
    """Under a name of its own: that of the artifact says nothing to whoever looks into the directory."""
    fs, base = transfer.file_system(uri, storage)
    fs.makedirs(base.rstrip("/"), exist_ok=True)
    fs.put_file(str(path), f"{base.rstrip('/')}/{RESULT_FILE}")
