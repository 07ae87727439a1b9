"""The tables. One row per resource whatever its kind; links between them; an event per change of status."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

resources = Table(
    "resources",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("appkey", String(63), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("status", String(60), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("goal", String(10), nullable=False),
    Column("spec", JSONB, nullable=False),
    Column("state", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("unique_key", Text),
    Column("request_key", String(255)),
    Column("request_digest", String(64)),
    Column("created_by", String(255), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False, server_default="1"),
    # The work queue is these columns: due_at says when somebody has to look, the lease says who does.
    Column("due_at", DateTime(timezone=True)),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("lease_token", String(36)),
    Column("lease_expires_at", DateTime(timezone=True)),
    Index("resources_page", "appkey", "kind", text("created_at DESC"), "id"),
    Index("resources_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("resources_unique_key", "appkey", "kind", "unique_key", unique=True),
    Index("resources_request_key", "appkey", "kind", "request_key", unique=True),
    Index(
        "resources_parent",
        "appkey",
        text("(spec ->> 'parentPipelineRunId')"),
        postgresql_where=text("(spec ->> 'parentPipelineRunId') IS NOT NULL"),
    ),
)
# As the index has it.
PARENT_RUN = resources.c.spec["parentPipelineRunId"].astext

links = Table(
    "links",
    metadata,
    Column("source_id", String(36), ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(40), primary_key=True),
    # Without ON DELETE: the database itself refuses to drop what is still referred to.
    Column("target_id", String(36), ForeignKey("resources.id"), primary_key=True),
    Column("owner", Integer, nullable=False, server_default="0"),
    Index("links_target", "target_id"),
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("resource_id", String(36), nullable=False),
    Column("appkey", String(63), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", String(255), nullable=False),
    Column("from_status", String(60)),
    Column("to_status", String(60)),
    Column("reason", Text, nullable=False, server_default=""),
    Index("events_of_resource", "resource_id", "id"),
)
