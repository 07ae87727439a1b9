"""The API's documentation, derived from the kinds: schemas, examples, statuses, error codes."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from adapters.easymaker.kinds import KIND_BY_NAME, KINDS
from adapters.easymaker.kinds.kind import Action, Download, Kind, Report

Extra = dict[str, Any]

HEADER = {
    "type": "object",
    "required": ["isSuccessful", "resultCode", "resultMessage"],
    "properties": {
        "isSuccessful": {"type": "boolean"},
        "resultCode": {"type": "integer", "description": "0, or the HTTP status times 100"},
        "resultMessage": {"type": "string"},
        "errorCode": {"type": "string", "description": "Only of a failure"},
    },
}
ERRORS = {
    400: ("INVALID_REQUEST", "A value is wrong; the message names the field and what would be right."),
    401: ("UNAUTHENTICATED", "No token, or one that is not valid."),
    403: ("FORBIDDEN", "The token does not allow this in the appkey."),
    404: ("NOT_FOUND", "There is no such resource in the appkey."),
    405: ("METHOD_NOT_ALLOWED", "Not a verb for this path."),
    409: ("CONFLICT", "The resource's status, or another resource, does not allow it; the message says what to do."),
    413: ("PAYLOAD_TOO_LARGE", "The body is larger than EASYMAKER_MAX_BODY_BYTES."),
    503: ("UNAVAILABLE", "The database or another part is away; try again."),
}


def _ref(name: str) -> Extra:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(properties: Extra | None = None) -> Extra:
    properties = properties or {}
    schema = {"type": "object", "required": ["header", *properties], "properties": {"header": HEADER, **properties}}
    return {"description": "Done", "content": {"application/json": {"schema": schema}}}


def errors(*codes: int) -> dict[int | str, Extra]:
    return {
        code: {"description": f"`{ERRORS[code][0]}`: {ERRORS[code][1]}", "content": FAILURE}
        for code in sorted({400, 401, 403, 503, *codes})
    }


FAILURE = {"application/json": {"schema": {"type": "object", "required": ["header"], "properties": {"header": HEADER}}}}


def _operation(kind: Kind, verb: str, summary: str, answer: Extra, codes: tuple[int, ...]) -> Extra:
    return {
        "operation_id": f"{verb}-{kind.name}",
        "summary": summary,
        "tags": [kind.title],
        "responses": {200: answer, **errors(*codes)},
        "response_model": None,
    }


def _with_body(operation: Extra, schema: Extra, example: Extra, required: bool = True) -> Extra:
    content = {"application/json": {"schema": schema, "example": example}}
    parameters = operation.get("openapi_extra", {}).get("parameters", [])
    body: Extra = {"requestBody": {"required": required, "content": content}}
    return operation | {"openapi_extra": body | ({"parameters": parameters} if parameters else {})}


# Printable ASCII; a blank neither first nor last, where HTTP does not keep it.
KEY_PATTERN = r"^[!-~]([ -~]{0,253}[!-~])?$"
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY_PATTERN},
    "description": "The same key with the same body creates one resource, however often it is sent",
}


def create(kind: Kind) -> Extra:
    others = [KIND_BY_NAME[name] for name in kind.may_ask_for]
    answers = [_answer({each.key: _ref(each.answer.__name__)}) for each in (kind, *others)]
    answer = answers[0]
    if others:
        schemas = [each["content"]["application/json"]["schema"] for each in answers]
        answer = {"description": "Done", "content": {"application/json": {"schema": {"anyOf": schemas}}}}
    operation = _operation(kind, "create", f"Create: {kind.title}", answer, (409, 413))
    operation["openapi_extra"] = {"parameters": [IDEMPOTENCY_KEY]}
    schemas = [_ref(each.create_body.__name__) for each in (kind, *others)]
    if kind.template:
        schemas.append(_ref(f"{kind.create_body.__name__}FromTemplate"))
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return _with_body(operation, schema, kind.example)


def listing(kind: Kind, parameters: list[Extra]) -> Extra:
    items = {"type": "array", "items": _ref(kind.answer.__name__)}
    answer = _answer({kind.list_key: items, "totalCount": {"type": "integer"}})
    return _operation(kind, "list", f"List: {kind.title}", answer, ()) | {"openapi_extra": {"parameters": parameters}}


def get(kind: Kind) -> Extra:
    return _operation(kind, "get", f"Get: {kind.title}", _answer({kind.key: _ref(kind.answer.__name__)}), (404,))


def update(kind: Kind) -> Extra:
    answer = _answer({kind.key: _ref(kind.answer.__name__)})
    operation = _operation(kind, "update", f"Change: {kind.title}", answer, (404, 409, 413))
    example = kind.example if kind.update_body is kind.create_body else {"description": "a new description"}
    return _with_body(operation, _ref(kind.update_body.__name__), example)


def delete(kind: Kind) -> Extra:
    return _operation(kind, "delete", f"Delete: {kind.title}", _answer(), (404, 409))


def events(kind: Kind) -> Extra:
    event = {
        "type": "object",
        "required": ["eventId", "datetime", "actor", "reason"],
        "properties": {
            "eventId": {"type": "integer"},
            "datetime": {"type": "string"},
            "actor": {"type": "string"},
            "fromStatusCode": {"type": ["string", "null"]},
            "toStatusCode": {"type": ["string", "null"]},
            "reason": {"type": "string"},
        },
    }
    answer = _answer({"eventList": {"type": "array", "items": event}})
    return _operation(kind, "events-of", "Who changed its status, when, from what to what, and why", answer, (404,))


def action(kind: Kind, verb: Action) -> Extra:
    answer = _answer({kind.key: _ref(kind.answer.__name__)})
    operation = _operation(kind, verb.path, verb.summary, answer, (404, 409, 413))
    if verb.body is None:
        return operation
    return _with_body(operation, _ref(verb.body.__name__), verb.example)


def report(kind: Kind, wanted: Report, parameters: list[Extra]) -> Extra:
    answer = _answer({wanted.key: {"example": wanted.example}})
    operation = _operation(kind, wanted.path, wanted.summary, answer, (404, 409))
    return operation | ({"openapi_extra": {"parameters": parameters}} if parameters else {})


def download(kind: Kind, wanted: Download, parameters: list[Extra]) -> Extra:
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    answer = {"description": "Done", "content": content | {"application/x-tar": content["application/octet-stream"]}}
    required = [parameter | {"required": True} for parameter in parameters]
    operation = _operation(kind, f"{wanted.path}-of", wanted.summary, answer, (404,))
    return operation | {"openapi_extra": {"parameters": required}}


def made_in(kind: Kind) -> Extra:
    names = ("resourceType", "resourceId", "resourceName", "resourceStatusCode", "createdDatetime")
    item = {"type": "object", "required": list(names), "properties": {name: {"type": "string"} for name in names}}
    answer = _answer({"resourceList": {"type": "array", "items": item}})
    return _operation(kind, "resources-of", f"What was made in this {kind.title.lower()}", answer, (404,))


def copy_settings(kind: Kind) -> Extra:
    answer = _answer({kind.key: {"type": "object"}})
    return _operation(kind, "copy-settings-of", "The settings that Copy takes over", answer, (404,))


def copy(kind: Kind) -> Extra:
    answer = _answer({kind.key: _ref(kind.answer.__name__)})
    summary = "Create another with the same settings; what the body names is changed"
    operation = _operation(kind, "copy", summary, answer, (404, 409, 413))
    example = {kind.posted_name: "a copy"} if kind.posted_name else {}
    return _with_body(operation, _ref(f"{kind.create_body.__name__}Copy"), example, required=False)


def logs(kind: Kind, own: list[Extra]) -> Extra:
    properties = {
        "content": {"type": "string"},
        "nextOffset": {"type": "integer"},
        "isComplete": {"type": "boolean"},
    }
    answer = _answer({"log": {"type": "object", "required": list(properties), "properties": properties}})
    answer["content"]["text/plain"] = {"schema": {"type": "string"}}
    parameters = [
        {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 10**12 - 1}},
        {
            "name": "follow",
            "in": "query",
            "schema": {"type": "boolean"},
            "description": "Answer with text/plain that goes on until the resource has ended",
        },
        *own,
    ]
    summary = "The log, from a byte offset on; or followed as it grows"
    return _operation(kind, "log-of", summary, answer, (404,)) | {"openapi_extra": {"parameters": parameters}}


def lookup(name: str, key: str, summary: str) -> Extra:
    answer = _answer({key: {"type": "array", "items": {"type": "object"}}})
    return {
        "operation_id": f"list-{name}",
        "summary": summary,
        "responses": {200: answer, **errors()},
        "response_model": None,
    }


def plain(name: str, summary: str, *codes: int, media: tuple[str, ...] = ()) -> Extra:
    """An operation of the platform's own, outside any kind; answers the usual envelope unless ``media`` is given."""
    content: Extra = {kind: {"schema": {"type": "object" if "json" in kind else "string"}} for kind in media}
    done = {"description": "Done", "content": content} if media else _answer()
    return {
        "operation_id": name,
        "summary": summary,
        "response_class": Response,
        "responses": {200: done, **errors(*codes)},
        "response_model": None,
    }


def ticketed(name: str, summary: str) -> Extra:
    """A page that a browser opens with a signed ticket, and that redirects once what it shows is running."""
    operation = plain(name, summary, 404, media=("text/html",))
    operation["responses"][302] = {"description": "It runs; `Location` has its address"}
    parameter = {"name": "ticket", "in": "query", "required": True, "schema": {"type": "string"}}
    return operation | {"openapi_extra": {"parameters": [parameter]}}


def _statuses(kind: Kind) -> str:
    told = kind.lifecycle.descriptions
    rows = "\n".join(f"| `{status}` | {told.get(status, '')} |" for status in kind.lifecycle.statuses)
    return f"{(kind.title)} statuses:\n\n| status | meaning |\n| --- | --- |\n{rows}"


def _models() -> list[type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for kind in KINDS:
        for model in (kind.create_body, kind.update_body, kind.answer, *(a.body for a in kind.actions)):
            if model is not None:
                found[model.__name__] = model
    return list(found.values())


def _components() -> Extra:
    _, definitions = models_json_schema(
        [(model, "validation") for model in _models()], ref_template="#/components/schemas/{model}"
    )
    schemas: Extra = definitions.get("$defs", {})
    for kind in KINDS:
        name = kind.create_body.__name__
        if kind.copyable:
            schemas[f"{name}Copy"] = {**schemas[name], "required": [], "title": f"{name}Copy"}
        if kind.template:
            title = f"{name}FromTemplate"
            settled = KIND_BY_NAME[kind.template[1]].create_body.model_fields.items()
            from_template = {field.alias or key for key, field in settled}
            required = [kind.template[0], *(n for n in schemas[name]["required"] if n not in from_template)]
            properties = {**schemas[name]["properties"], kind.template[0]: {"type": "string"}}
            schemas[title] = {**schemas[name], "required": required, "title": title, "properties": properties}
    return schemas


def install(app: FastAPI) -> None:
    """Replace the app's document by one with the kinds' schemas. It is made once, at its first use."""

    def document() -> Extra:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            made["tags"] = [{"name": kind.title, "description": _statuses(kind)} for kind in KINDS]
            components = made.setdefault("components", {})
            components.setdefault("schemas", {}).update(_components())
            components["securitySchemes"] = {
                "token": {"type": "apiKey", "in": "header", "name": "X-EasyMaker-Token"},
                "bearer": {"type": "http", "scheme": "bearer"},
            }
            made["security"] = [{"token": []}, {"bearer": []}]
            for path in made["paths"].values():
                for operation in path.values():
                    operation.get("responses", {}).pop("422", None)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document
