"""The API's documentation: the OpenAPI document and a page that shows it, without anything from the network."""

from importlib import resources

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from adapters.easymaker.api.openapi import plain
from adapters.easymaker.api.rules import GuardedRoute, Rule, rule
from adapters.easymaker.errors import NotFound

router = APIRouter(route_class=GuardedRoute, tags=["Documentation"])

ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"}
START = "SwaggerUIBundle({url: 'openapi.json', dom_id: '#api', deepLinking: true, displayRequestDuration: true})"
# Addresses are relative: behind a gateway the API may lie below a prefix.
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>EasyMaker on Kubeflow: API</title>
<link rel="stylesheet" href="docs/swagger-ui.css"><link rel="icon" href="docs/favicon.png"></head>
<body><div id="api"></div><script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script>
</body></html>"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)


@router.get("/openapi.json", **plain("openapi", "This document", media=("application/json",)))
@rule(Rule.PUBLIC)
def openapi(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


@router.get("/docs", **plain("docs", "A page that shows this document", media=("text/html",)))
@rule(Rule.PUBLIC)
def page() -> Response:
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})


@router.get("/docs/{asset}", **plain("docs-asset", "What the page consists of", 404, media=tuple(ASSETS.values())))
@rule(Rule.PUBLIC)
def asset(asset: str) -> Response:
    if asset == "start.js":
        return Response(START, media_type="text/javascript")
    if asset not in ASSETS:
        raise NotFound("there is no such file")
    content = resources.files("fastapi_offline").joinpath("static", asset).read_bytes()
    return Response(content, media_type=ASSETS[asset])
