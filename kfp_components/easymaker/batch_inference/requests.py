"""Requests to a model server, several at a time, answers in the order of the questions."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from kfp_components.easymaker.batch_inference.protocols import AnswerInvalid, InferenceProtocol
from kfp_components.easymaker.easymaker_api.settings import trusted

ATTEMPTS = 4
FIRST_PAUSE = 0.5
# What may pass: a server that starts, is full, or is being replaced.
_TRY_AGAIN = (429, 502, 503, 504)


@dataclass(frozen=True)
class Question:
    """``records`` are what is told in the results, ``instances`` what the model gets."""

    records: Sequence[Any]
    instances: Sequence[Any]


@dataclass(frozen=True)
class Answer:
    """``status`` is the last HTTP status, 0 without one; ``predictions`` is None where ``error`` says why."""

    question: Question
    status: int
    predictions: Sequence[Any] | None = None
    error: str = ""


class ModelServer:
    def __init__(self, url: str, protocol: InferenceProtocol, timeout_seconds: float) -> None:
        self._url = url
        self._protocol = protocol
        self._client = httpx.Client(timeout=timeout_seconds, verify=trusted())

    def close(self) -> None:
        self._client.close()

    def ask_all(self, questions: Iterable[Question], parallel: int) -> Iterator[Answer]:
        """Reads questions only as fast as answers come: a data set may be larger than the memory."""
        pending: deque[Future[Answer]] = deque()
        with ThreadPoolExecutor(parallel) as pool:
            try:
                for question in questions:
                    pending.append(pool.submit(self.ask, question))
                    if len(pending) >= 2 * parallel:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                for future in pending:
                    future.cancel()

    def ask(self, question: Question) -> Answer:
        """What goes wrong is part of the answer."""
        try:
            body = self._protocol.request(question.instances)
        except ValueError as error:
            return Answer(question, 0, error=str(error))
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            answer, final = self._try(question, body)
            if final or attempt == ATTEMPTS:
                return answer
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    def _try(self, question: Question, body: dict[str, Any]) -> tuple[Answer, bool]:
        try:
            response = self._client.post(self._url, json=body)
        except httpx.TransportError as error:
            told = str(error) or type(error).__name__
            return Answer(question, 0, error=f"no answer: {told}"), isinstance(error, httpx.ReadTimeout)
        status = response.status_code
        if status != 200:
            told = " ".join(response.text.split())[:300]
            return Answer(question, status, error=f"HTTP {status}: {told}"), status not in _TRY_AGAIN
        try:
            found = self._protocol.predictions(response.json(), len(question.instances))
        except AnswerInvalid as error:
            return Answer(question, status, error=str(error)), True
        except ValueError:
            return Answer(question, status, error="the answer is not JSON"), True
        return Answer(question, status, found), True
