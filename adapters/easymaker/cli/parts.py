"""What of an installation runs, where, and how it is: seen from outside, so that it also tells when nothing does."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import httpx

from adapters.easymaker.cli import postgres
from adapters.easymaker.cli.client import ApiClient
from adapters.easymaker.cli.identity import living
from adapters.easymaker.cli.installation import Installation
from adapters.easymaker.cli.output import CliError
from adapters.easymaker.engines.base import Part

PROBE_SECONDS = 2.0
ENGINE_PARTS = ("object storage", "gateway")


def look(installation: Installation) -> list[Part]:
    """Every part in the order in which they start."""
    api = _api(installation)
    return [_database(installation, api.state), api, *_engine(installation, api.state)]


def all_running(parts: list[Part]) -> bool:
    return all(part.state == "RUNNING" for part in parts)


def as_json(parts: list[Part]) -> list[dict[str, Any]]:
    return [asdict(part) for part in parts]


def _database(installation: Installation, api: str) -> Part:
    url = installation.settings.database_url
    if url is not None:
        host = urlsplit(url).hostname or "local socket"
        return Part("PostgreSQL", api, host, "EASYMAKER_DATABASE_URL; not started or ended by us")
    found = postgres.running(installation.postgres_dir)
    if found is None:
        state = "STARTING" if living(installation.adapter_record) else "DOWN"
    else:
        state = "RUNNING" if postgres.is_ready(installation.postgres_dir) else "STARTING"
    detail = f"embedded, pid {found.pid}" if found else ""
    return Part("PostgreSQL", state, str(installation.postgres_dir), detail)


def _api(installation: Installation) -> Part:
    address = installation.api_url
    found = living(installation.adapter_record)
    try:
        answer = httpx.get(f"{address}/readyz", timeout=PROBE_SECONDS, trust_env=False)
        state = "RUNNING" if answer.status_code == 200 else "DOWN"
    except httpx.HTTPError:
        state = "STARTING" if found else "DOWN"
    detail = f"adapter, pid {found.pid}; see /docs" if found else ""
    return Part("API", state, address, detail)


def _engine(installation: Installation, api: str) -> list[Part]:
    if api != "RUNNING":
        return [Part(name, api) for name in ENGINE_PARTS]
    try:
        seen = ApiClient(installation, PROBE_SECONDS * 2).get("/platform")["parts"]
    except CliError as error:
        return [Part(name, "DOWN", "", str(error)) for name in ENGINE_PARTS]
    return [Part(part["name"], part["state"], part["address"], part["detail"]) for part in seen]
