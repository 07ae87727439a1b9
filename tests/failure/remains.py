"""What is there of an installation's work: processes in /proc against the engine's own list, rows, files, routes."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from sqlalchemy import text

from adapters.easymaker.store.database import Database
from adapters.easymaker.store.embedded import EmbeddedPostgres
from tests.conftest import Installation

OWN = ("object-storage-", "gateway")
MARKER = "EASYMAKER_PROCESS"


@contextmanager
def database_of(installation: Installation) -> Iterator[Database]:
    """The installation's own PostgreSQL, past the adapter."""
    database = Database(EmbeddedPostgres(installation.home / "postgres").start(), pool_size=2)
    try:
        yield database
    finally:
        database.close()


def rows(installation: Installation, table: str) -> list[str]:
    """Every row of a table, as one word each."""
    queries = {
        "resources": "SELECT kind || ' ' || name || ' ' || status FROM resources",
        "links": "SELECT role || ' of ' || source_id FROM links",
    }
    with database_of(installation) as database, database.transaction() as connection:
        return [str(value) for value in connection.execute(text(queries[table])).scalars()]


def processes(installation: Installation) -> dict[str, set[str]]:
    """Every process that mentions the home, below the name of what it runs: its wrapper and marked runs.

    Adapters and PostgreSQL are left out. A process that belongs to no name is found under "orphan".
    """
    home = str(installation.home)
    adapters = {adapter.pid for adapter in installation.adapters}
    names = {_hash(installation.home / "processes" / name): name for name in installation.runner().names()}
    found: dict[str, set[str]] = defaultdict(set)
    for process in psutil.process_iter():
        try:
            words, environment = process.cmdline(), process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        mentioned = any(home in word for word in words) or any(home in value for value in environment.values())
        if not mentioned or process.pid in adapters or _is_postgres_or_adapter(words):
            continue
        name, run = _identity(words, environment, names)
        found[name].add(run if name != "orphan" else f"{process.pid} {' '.join(words)[:200]}")
    return found


def _is_postgres_or_adapter(words: list[str]) -> bool:
    return not words or "postgres" in words[0] or any(w in ("adapters.easymaker",) for w in words)


def _identity(words: list[str], environment: dict[str, str], names: dict[str, str]) -> tuple[str, str]:
    wrapper = next((i for i, word in enumerate(words) if word.endswith("wrapper_main.py")), None)
    if wrapper is not None:
        directory = Path(words[wrapper + 1])
        return (directory.name, "wrapper") if directory.is_dir() else ("orphan", "")
    prefix, _, run = environment.get(MARKER, "").partition(".")
    return (names[prefix], f"run {run}") if prefix in names else ("orphan", "")


def _hash(directory: Path) -> str:
    return hashlib.sha256(str(directory.absolute()).encode()).hexdigest()[:16]


def doubled(installation: Installation) -> list[str]:
    """Names under which more than one run lives."""
    return [name for name, runs in processes(installation).items() if len([r for r in runs if r != "wrapper"]) > 1]


def leftovers(installation: Installation) -> list[str]:
    """What is still there although every resource has been deleted."""
    home = installation.home
    found = [f"row {row}" for table in ("resources", "links") for row in rows(installation, table)]
    found += [f"process {name}" for name in processes(installation) if not name.startswith(OWN)]
    places = (
        "jobs",
        "models",
        "tensorboard",
        "gateway/stages",
        "pipelines",
        "pipeline-checks",
        "secrets/pipeline-runs",
    )
    found += [f"file {path}" for place in places for path in (home / place).glob("*")]
    found += [f"process directory {p.name}" for p in (home / "processes").iterdir() if not p.name.startswith(OWN)]
    defaults = home / "gateway" / "defaults.json"
    if defaults.exists() and json.loads(defaults.read_text()):
        found.append(f"default stages {defaults.read_text()}")
    routes = home / "gateway" / "envoy" / "routes.json"
    if "/stages/" in routes.read_text():
        found.append("a route of a stage in Envoy's routes")
    return found
