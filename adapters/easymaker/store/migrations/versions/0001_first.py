"""The first schema: resources, links, events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "resources",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("appkey", sa.String(63), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("status", sa.String(60), nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("goal", sa.String(10), nullable=False),
        sa.Column("spec", JSONB, nullable=False),
        sa.Column("state", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("unique_key", sa.Text),
        sa.Column("request_key", sa.String(255)),
        sa.Column("request_digest", sa.String(64)),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lease_token", sa.String(36)),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True)),
    )
    op.create_index("resources_page", "resources", ["appkey", "kind", sa.text("created_at DESC"), "id"])
    op.create_index("resources_due", "resources", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("resources_unique_key", "resources", ["appkey", "kind", "unique_key"], unique=True)
    op.create_index("resources_request_key", "resources", ["appkey", "kind", "request_key"], unique=True)
    op.create_table(
        "links",
        sa.Column("source_id", sa.String(36), sa.ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("role", sa.String(40), primary_key=True),
        sa.Column("target_id", sa.String(36), sa.ForeignKey("resources.id"), primary_key=True),
        sa.Column("owner", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_index("links_target", "links", ["target_id"])
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("resource_id", sa.String(36), nullable=False),
        sa.Column("appkey", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("from_status", sa.String(60)),
        sa.Column("to_status", sa.String(60)),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("events_of_resource", "events", ["resource_id", "id"])
