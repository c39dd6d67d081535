"""Clients, names, proofs, words in groups, marks, and the append-only audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE_APPEND_ONLY = (
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
)
_POSTGRES_REFUSAL = """
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$
"""
_POSTGRES_TRIGGER = """
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()
"""
_POSTGRES_APPEND_ONLY = (_POSTGRES_REFUSAL, _POSTGRES_TRIGGER)


def upgrade() -> None:
    _clients()
    _words()
    _audit()


def _clients() -> None:
    op.create_table(
        "clients",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("data_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("word", sa.LargeBinary),
        sa.Column("word_state", sa.SmallInteger, nullable=False),
        sa.Column("word_group", sa.LargeBinary),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
    pending = sa.text("word_state = 1")
    op.create_index("clients_pending", "clients", ["id"], sqlite_where=pending, postgresql_where=pending)
    op.create_table(
        "names",
        sa.Column("fingerprint", sa.LargeBinary, primary_key=True),
        sa.Column("client_id", sa.String(32), sa.ForeignKey("clients.id"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_names_client_id", "names", ["client_id"])
    op.create_table(
        "proofs",
        sa.Column("client_id", sa.String(32), sa.ForeignKey("clients.id"), primary_key=True),
        sa.Column("method", sa.String(64), primary_key=True),
        sa.Column("dialogue", sa.String(64), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("details", sa.LargeBinary, nullable=False),
    )


def _words() -> None:
    op.create_table(
        "word_groups",
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("print", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("entry", sa.String(64), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("object", sa.String(128), nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("prev", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("shard", "entry", name="audit_once"),
    )
    own = _SQLITE_APPEND_ONLY if op.get_bind().dialect.name == "sqlite" else _POSTGRES_APPEND_ONLY
    for statement in own:
        op.execute(statement)
