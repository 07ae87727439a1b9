"""A scikit-learn model for MLServer: V2 as MLServer speaks it, and V1 beside it in the same process.

MLServer's own scikit-learn runtime knows V2 only; the guide's endpoint API has both. Runs in MLServer's environment.
"""

import asyncio
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import orjson
from mlserver import MLModel
from mlserver.codecs import NumpyRequestCodec, PandasCodec
from mlserver.codecs.numpy import NumpyCodec
from mlserver.errors import MLServerError
from mlserver.handlers import custom_handler
from mlserver.rest.responses import Response
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from pydantic import ValidationError
from starlette.requests import Request

from kserve_runtimes.models.artifact import load_estimator
from kserve_runtimes.models.errors import ModelInputError
from kserve_runtimes.models.instances import check_width, instances_of, missing_value, to_matrix

OUTPUTS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")
# The model parameter that chooses what V1 answers and what V2 answers when the request asks for no output.
OUTPUT_PARAMETERS = ("predict_fn", "output")
# Above this a prediction leaves the event loop, so that readiness is still answered meanwhile.
_ROWS_IN_LOOP = 256
_MESSAGE_LIMIT = 300


class SklearnModel(MLModel):
    """Answers V1 and V2; every wrong input is a 400 with a sentence."""

    async def load(self) -> bool:
        parameters = self.settings.parameters
        assert parameters is not None and parameters.uri is not None
        self._estimator = load_estimator(Path(parameters.uri))
        self._default_output = _chosen_output(self._estimator, parameters.extra or {})
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """V2 infer."""
        if not payload.inputs:
            raise MLServerError("inputs is empty: send at least one.")
        if any(size < 0 for tensor in payload.inputs for size in tensor.shape):
            raise MLServerError("A shape must have no negative number in it.")
        matrix = self._decode(payload)
        names = [output.name for output in payload.outputs or []] or [self._default_output]
        try:
            check_width(matrix, self._estimator)
            outputs = [_encode(name, await self._call(name, matrix)) for name in names]
        except ModelInputError as error:
            raise MLServerError(str(error)) from error
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)

    @custom_handler(rest_path="/v1/models", rest_method="GET")
    async def v1_models(self) -> Response:
        return Response({"models": [self.name]})

    @custom_handler(rest_path="/v1/models/{model_name}", rest_method="GET")
    async def v1_ready(self, model_name: str) -> Response:
        if model_name != self.name:
            return _no_such_model(model_name)
        return Response({"name": self.name, "ready": self.ready}, status_code=200 if self.ready else 503)

    @custom_handler(rest_path="/v1/models/{model_name}:predict")
    async def v1_predict(self, request: Request, model_name: str) -> Response:
        return await self._answer(request, model_name, self._v1)

    @custom_handler(rest_path="/v1/models/{model_name}:explain")
    async def v1_explain(self, model_name: str) -> Response:
        if model_name != self.name:
            return _no_such_model(model_name)
        return _error(501, "Scikit-learn models are served without an explainer: use predict.")

    @custom_handler(rest_path="/dispatch/{model_name}")
    async def dispatch(self, request: Request, model_name: str) -> Response:
        return await self._answer(request, model_name, self._by_body)

    async def _answer(self, request: Request, model_name: str, answer: Callable[[Any], Any]) -> Response:
        if model_name != self.name:
            return _no_such_model(model_name)
        if not self.ready:
            return _error(503, f"The model {self.name} is not ready yet.")
        try:
            return Response(await answer(await _json(request)))
        except ModelInputError as error:
            return _error(400, str(error))
        except MLServerError as error:
            return _error(error.status_code, str(error))

    async def _v1(self, body: Any) -> dict[str, Any]:
        matrix = to_matrix(instances_of(body), self._estimator)
        return {"predictions": _plain(await self._call(self._default_output, matrix))}

    async def _by_body(self, body: Any) -> Any:
        if not isinstance(body, dict) or ("instances" in body) == ("inputs" in body):
            raise ModelInputError('The body must have either "instances" (V1) or "inputs" (V2).')
        if "instances" in body:
            return await self._v1(body)
        try:
            request = InferenceRequest.model_validate(body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ModelInputError(f"The body is no V2 inference request: {where}: {first['msg']}.") from error
        answer = await self.predict(request)
        answer.id = request.id
        return answer.model_dump(exclude_none=True)

    def _decode(self, payload: InferenceRequest) -> Any:
        codec = NumpyRequestCodec if len(payload.inputs) == 1 else PandasCodec
        try:
            matrix = self.decode_request(payload, default_codec=codec)
        except MLServerError:
            raise
        except Exception as error:
            raise MLServerError(f"The inputs cannot be decoded: {_line(error)}") from error
        if isinstance(matrix, InferenceRequest):
            raise MLServerError("The content type of the inputs is not one of: np, pd.")
        return matrix

    async def _call(self, output: str, matrix: Any) -> Any:
        method = getattr(self._estimator, output, None) if output in OUTPUTS else None
        if method is None:
            offered = ", ".join(name for name in OUTPUTS if hasattr(self._estimator, name))
            raise ModelInputError(f"The model has no output {output!r:.60}; it has {offered}.")
        try:
            if len(matrix) > _ROWS_IN_LOOP:
                return await asyncio.to_thread(method, matrix)
            return method(matrix)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise ModelInputError(self._refusal(matrix, error)) from error

    def _refusal(self, matrix: Any, error: Exception) -> str:
        if "nan" in str(error).lower() and (place := missing_value(matrix)):
            kind = type(self._estimator).__name__
            return f"Instance {place[0]}, value {place[1]} is null or NaN; {kind} takes no missing values."
        return f"The model refused the input: {_line(error)}"


def _chosen_output(estimator: Any, arguments: dict[str, Any]) -> str:
    for name in OUTPUT_PARAMETERS:
        chosen = arguments.get(name) or os.environ.get(name.upper())
        if chosen is None:
            continue
        if chosen not in OUTPUTS or not hasattr(estimator, chosen):
            offered = ", ".join(name for name in OUTPUTS if hasattr(estimator, name))
            raise MLServerError(f"The model parameter {name} is {chosen}; this model offers {offered}.")
        return chosen
    return "predict" if hasattr(estimator, "predict") else "transform"


async def _json(request: Request) -> Any:
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise ModelInputError(f"The body is not JSON: {error}.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ModelInputError("The body is not what its Content-Encoding says.") from error


def _encode(name: str, result: Any) -> ResponseOutput:
    array = numpy.asarray(_dense(result))
    if array.dtype == object:
        array = array.astype(str)
    return NumpyCodec.encode_output(name, array)


def _plain(result: Any) -> Any:
    if isinstance(result, list | tuple):
        return [_plain(item) for item in result]
    dense = _dense(result)
    return dense.tolist() if hasattr(dense, "tolist") else dense


def _dense(result: Any) -> Any:
    if hasattr(result, "toarray"):
        return result.toarray()
    return result.to_numpy() if hasattr(result, "to_numpy") else result


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:_MESSAGE_LIMIT]


def _error(status: int, sentence: str) -> Response:
    return Response({"error": sentence}, status_code=status)


def _no_such_model(name: str) -> Response:
    return _error(404, f"Model {name} not found")
