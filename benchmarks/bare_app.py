"""What the adapter is measured against: FastAPI and SQLAlchemy, fetching the same rows, and nothing else."""

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy import MetaData, Table, create_engine, select


def create_app(url: str) -> FastAPI:
    engine = create_engine(url, pool_size=12)
    resources = Table("resources", MetaData(), autoload_with=engine)
    app = FastAPI()

    @app.get("/trainings")
    def listing(page: int = 1, limit: int = 20) -> list[dict[str, Any]]:
        query = (
            select(resources)
            .where(resources.c.appkey == "local", resources.c.kind == "training")
            .order_by(resources.c.created_at.desc(), resources.c.id)
            .limit(limit)
            .offset((page - 1) * limit)
        )
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    @app.get("/trainings/{training_id}")
    def get(training_id: str) -> dict[str, Any]:
        with engine.connect() as connection:
            return dict(connection.execute(select(resources).where(resources.c.id == training_id)).mappings().one())

    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(sys.argv[1]),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=64 * 1024,
    )
