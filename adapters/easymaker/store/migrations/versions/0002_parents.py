"""An index over the runs of pipelines that resources were made in."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

PARENT = "(spec ->> 'parentPipelineRunId')"


def upgrade() -> None:
    op.create_index(
        "resources_parent", "resources", ["appkey", sa.text(PARENT)], postgresql_where=sa.text(f"{PARENT} IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("resources_parent", "resources")
