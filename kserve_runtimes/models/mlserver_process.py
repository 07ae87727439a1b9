"""The model server process: MLServer with one model, HTTP only, and every error as ``{"error": sentence}``.

MLServer's own command would also open gRPC, let anybody who reaches the port load and unload models, take its settings
from files in the model's directory, and end with exit code 0 when the model cannot be loaded.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from itertools import pairwise

from fastapi.exceptions import RequestValidationError
from mlserver.middleware import InferenceMiddlewares
from mlserver.rest.responses import Response
from mlserver.server import MLServer
from mlserver.settings import ModelParameters, ModelSettings, Settings
from mlserver.utils import install_uvloop_event_loop
from starlette.exceptions import HTTPException
from starlette.requests import Request

from kserve_runtimes.models.mlserver_command import EXIT_MODEL_NOT_LOADED

CONTROL_API = "/v2/repository"
# Longer than the gateway keeps an idle connection, so that it is never this side that closes one under a request.
KEEP_ALIVE_SECONDS = 75

log = logging.getLogger("mlserver")


class _NoGrpc:
    """In the place of MLServer's gRPC server: opens nothing."""

    async def stop(self, sig: int | None = None) -> None:
        del sig


class ModelServer(MLServer):
    """One model behind HTTP; ``load_error`` says why it ended when the model could not be loaded."""

    load_error: Exception | None = None

    def _create_servers(self) -> None:
        super()._create_servers()
        self._grpc_server = _NoGrpc()
        # MLServer's CloudEvents headers repeat the model's name and fail on one that is not Latin-1.
        self._data_plane._inference_middleware = InferenceMiddlewares()
        app = self._rest_server._app
        routes = app.router.routes
        routes[:] = [route for route in routes if not getattr(route, "path", "").startswith(CONTROL_API)]
        app.add_exception_handler(RequestValidationError, _on_invalid_body)
        app.add_exception_handler(HTTPException, _on_http_error)
        app.add_exception_handler(Exception, _on_failure)

    async def serve(self, model: ModelSettings) -> None:
        """Answer until a signal comes, or at once end when the model cannot be loaded."""
        serving = asyncio.ensure_future(self._rest_server.start())
        try:
            await self._model_registry.load(model)
        except Exception as error:
            self.load_error = error
            await self.stop()
        await serving


async def _on_invalid_body(_: Request, error: RequestValidationError) -> Response:
    return Response({"error": _first_problem(error)}, status_code=400)


def _first_problem(error: RequestValidationError) -> str:
    first = error.errors()[0]
    if first.get("type") == "json_invalid":
        return f"The body is not JSON: {first.get('ctx', {}).get('error', 'it cannot be parsed')}."
    where = ".".join(str(part) for part in first.get("loc", ())[1:]) or "the body"
    expected = '{"inputs": [{"name": …, "shape": […], "datatype": "FP64", "data": […]}]}'
    return f"The body is no V2 inference request: {where}: {first.get('msg')}. Expected {expected}."


async def _on_http_error(_: Request, error: HTTPException) -> Response:
    return Response({"error": str(error.detail)}, status_code=error.status_code, headers=error.headers)


async def _on_failure(_: Request, error: Exception) -> Response:
    return Response({"error": f"The model server failed ({type(error).__name__}); see its log."}, status_code=500)


def arguments(argv: Sequence[str]) -> dict[str, str]:
    """``--name value --name value`` as the model's parameters; names are taken as they are."""
    return {name[2:]: value for name, value in list(pairwise(argv))[::2] if name.startswith("--")}


async def _run(model: ModelSettings, settings: Settings) -> Exception | None:
    server = ModelServer(settings)
    await server.serve(model)
    return server.load_error


def main(argv: Sequence[str]) -> int:
    settings = Settings(_env_file=None)
    settings._custom_rest_server_settings = {"timeout_keep_alive": KEEP_ALIVE_SECONDS, "server_header": False}
    model = ModelSettings(_env_file=None)
    model.parameters = ModelParameters(_env_file=None, extra=arguments(argv))
    install_uvloop_event_loop()
    error = asyncio.run(_run(model, settings))
    if error is None:
        return 0
    log.error("the model could not be loaded", exc_info=error)
    sys.stderr.write(f"\n{error}\n")
    return EXIT_MODEL_NOT_LOADED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
