"""Listing a page and getting one of 10,000 trainings, against a bare handler that fetches the same rows."""

import contextlib
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil
from sqlalchemy import create_engine, text

from adapters.easymaker import catalogue
from adapters.easymaker.store.embedded import EmbeddedPostgres
from benchmarks.installation import Installation, free_ports, running, wait_for
from benchmarks.load import Connection, Target, requests_per_second

TRAININGS = 10_000
MODELS = 300
ROUNDS = 9
SECONDS = 2.0
AIM_RATIO = 0.5
AIM_MEMORY_MB = 300
PAGE = "?page=3&limit=20"

SPEC = """jsonb_build_object(
    'trainingName', 'iris ' || n, 'experimentId', 'experiment-' || n % 20, 'imageId', CAST(:image AS text),
    'flavorId', CAST(:flavor AS text), 'sourceDirUri', 'nas://data:/iris/source', 'entryPoint', 'train_iris.py',
    'datasetList', '[{"datasetName": "train", "dataUri": "nas://data:/iris/train"}]'::jsonb,
    'hyperparameterList', (SELECT jsonb_agg(jsonb_build_object('parameterName', 'p' || i, 'parameterValue', '' || i))
                             FROM generate_series(1, 8) i),
    'modelUploadUri', 'nas://data:/iris/model/' || n, 'timeoutMinutes', 60, 'trainingTypeCode', 'NORMAL')"""
STATE = """jsonb_build_object('startedAt', 1750000000 + n, 'finishedAt', 1750000100 + n,
    'limits', '{"cpu": "enforced", "memory": "enforced"}'::jsonb)"""
COLUMNS = "id, kind, appkey, name, status, goal, spec, state, created_by, created_at, updated_at"
EXPERIMENTS = f"""INSERT INTO resources ({COLUMNS})
    SELECT 'experiment-' || n, 'experiment', 'local', 'experiment ' || n, 'ACTIVE', 'PRESENT', '{{}}', '{{}}', 'me',
           now(), now() FROM generate_series(0, 19) n"""
INSERT_TRAININGS = f"""INSERT INTO resources ({COLUMNS})
    SELECT 'training-' || n, 'training', 'local', 'iris ' || n, 'COMPLETE', 'PRESENT', {SPEC}, {STATE}, 'me',
           now() - n * interval '1 minute', now() FROM generate_series(1, :count) n"""
LINK_TRAININGS = """INSERT INTO links (source_id, role, target_id)
    SELECT 'training-' || n, 'experiment', 'experiment-' || n % 20 FROM generate_series(1, :count) n"""
INSERT_MODELS = f"""INSERT INTO resources ({COLUMNS})
    SELECT 'model-' || n, 'model', 'local', 'iris-' || n, 'ACTIVE', 'PRESENT',
           '{{"modelName": "iris", "modelFormatCode": "SKLEARN", "modelUploadUri": "nas://data:/iris/model"}}', '{{}}',
           'me', now(), now() FROM generate_series(1, :models) n"""
LINK_MODELS = """INSERT INTO links (source_id, role, target_id)
    SELECT 'model-' || n, 'training', 'training-' || n FROM generate_series(1, :models) n"""


def fill(url: str) -> None:
    entries = catalogue.load(None)
    given = {
        "image": next(iter(entries.images_by_id)),
        "flavor": next(iter(entries.flavors_by_id)),
        "count": TRAININGS,
        "models": MODELS,
    }
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in (EXPERIMENTS, INSERT_TRAININGS, LINK_TRAININGS, INSERT_MODELS, LINK_MODELS):
            needed = {name: value for name, value in given.items() if f":{name}" in statement.replace("::", "")}
            connection.execute(text(statement), needed)
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()


@contextlib.contextmanager
def bare_app(url: str) -> Iterator[int]:
    (port,) = free_ports(1)
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare_app", url, str(port)])

    def answers() -> bool:
        try:
            return bool(Connection(Target(port, "/trainings")).ask())
        except OSError:
            return False

    try:
        wait_for(answers, "the bare application answers", 30)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def compare(ours: Target, theirs: Target) -> dict[str, Any]:
    """Rounds in turns, so that both meet the same machine; the ratio is of each pair."""
    requests_per_second(ours, SECONDS), requests_per_second(theirs, SECONDS)
    pairs = [(requests_per_second(ours, SECONDS), requests_per_second(theirs, SECONDS)) for _ in range(ROUNDS)]
    ratios = [pair[0] / pair[1] for pair in pairs]
    return {
        "adapter_per_second": statistics.median(pair[0] for pair in pairs),
        "bare_per_second": statistics.median(pair[1] for pair in pairs),
        "ratio": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
    }


def measure(installation: Installation) -> dict[str, Any]:
    url = EmbeddedPostgres(installation.home / "postgres").start()
    fill(url)
    token, adapter = installation.token(), psutil.Process(installation.adapter_pid())
    path = "/v1.0/appkeys/local/trainings"
    with bare_app(url) as port:
        listing = compare(Target(installation.port, f"{path}{PAGE}", token), Target(port, f"/trainings{PAGE}"))
        one = compare(
            Target(installation.port, f"{path}/training-5000", token), Target(port, "/trainings/training-5000")
        )
    after_load = adapter.memory_info().rss / 1e6
    Connection(Target(installation.port, path, token)).ask()
    after_whole_list = adapter.memory_info().rss / 1e6
    return {
        "list": listing,
        "get": one,
        "memory_mb": {"after_load": after_load, "after_a_list_of_all": after_whole_list},
        "aim_ratio": AIM_RATIO,
        "aim_memory_mb": AIM_MEMORY_MB,
        "passed": listing["ratio"]["median"] >= AIM_RATIO
        and one["ratio"]["median"] >= AIM_RATIO
        and max(after_load, after_whole_list) < AIM_MEMORY_MB,
    }


def run() -> dict[str, Any]:
    with running() as installation:
        return measure(installation)


if __name__ == "__main__":
    print(run())
