"""`migrate` is what an init container runs: its exit code decides whether an adapter starts."""

from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from tests.adapters.easymaker.cli.in_process import run_here
from tests.ports import free_port


def error_of(done: Any, code: int) -> str:
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    (line,) = done.stderr.splitlines()
    return line.removeprefix("kubeflow-easymaker: ")


def test_empty_database_is_brought_up_to_date_once(cli: Any, empty_database: str) -> None:
    cli.more["EASYMAKER_DATABASE_URL"] = empty_database
    first = cli.json("migrate")
    assert first["from"] is None
    again = cli.json("migrate")
    assert again == {"from": first["to"], "to": first["to"]}
    done = run_here(cli.env, "migrate")
    assert (done.returncode, done.stdout) == (0, f"the database is up to date (revision {first['to']})\n")
    engine = create_engine(empty_database)
    assert {"resources", "links", "events"} <= set(inspect(engine).get_table_names())
    engine.dispose()
    assert not cli.home.exists(), "an init container has no home to write to"


def test_database_of_a_newer_version_is_refused(cli: Any, empty_database: str) -> None:
    cli.more["EASYMAKER_DATABASE_URL"] = empty_database
    cli.json("migrate")
    engine = create_engine(empty_database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    engine.dispose()
    line = error_of(run_here(cli.env, "migrate"), 1)
    assert "from_the_future" in line
    assert "newer version" in line


def test_absent_database_is_told_without_its_password(cli: Any) -> None:
    cli.more["EASYMAKER_DATABASE_URL"] = f"postgresql+psycopg://easymaker:hidden@127.0.0.1:{free_port()}/easymaker"
    line = error_of(run_here(cli.env, "migrate"), 1)
    assert line.startswith("the database at 127.0.0.1: ")
    assert "hidden" not in line


@pytest.mark.parametrize(
    "url", [None, "no url", "postgresql+psycopg2://host/name", "mysql://host/name", "nonsense://host"]
)
def test_unusable_url_is_a_mistake_of_the_caller(cli: Any, url: str | None) -> None:
    if url is not None:
        cli.more["EASYMAKER_DATABASE_URL"] = url
    assert error_of(run_here(cli.env, "migrate"), 2).startswith("EASYMAKER_DATABASE_URL")
