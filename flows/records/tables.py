"""The tables, alike on SQLite and PostgreSQL. `migrations/` builds them; a test holds both equal.

Nothing personal stands here in clear: names are fingerprints, everything else of a client is sealed.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

NO_WORD, PENDING_WORD, HARD_WORD = 0, 1, 2

clients = Table(
    "clients",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("data_key", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("word", LargeBinary),
    Column("word_state", SmallInteger, nullable=False),
    Column("word_group", LargeBinary),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Index(
        "clients_pending",
        "id",
        sqlite_where=text(f"word_state = {PENDING_WORD}"),
        postgresql_where=text(f"word_state = {PENDING_WORD}"),
    ),
)

names = Table(
    "names",
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),
    Column("client_id", String(32), ForeignKey("clients.id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    sqlite_with_rowid=False,  # the look-up of every dialogue: one tree to descend instead of two
)

proofs = Table(
    "proofs",
    metadata,
    Column("client_id", String(32), ForeignKey("clients.id"), primary_key=True),
    Column("method", String(64), primary_key=True),
    Column("dialogue", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("details", LargeBinary, nullable=False),
)

word_groups = Table(
    "word_groups",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("print", LargeBinary, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("shard", Integer, nullable=False),
    Column("entry", String(64), nullable=False),
    Column("event", String(64), nullable=False),
    Column("channel", String(128), nullable=False),
    Column("object", String(128), nullable=False),
    Column("fields", Text, nullable=False),
    Column("prev", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("shard", "entry", name="audit_once"),
)
