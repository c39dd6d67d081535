"""Bring the schema up to date, once, however many processes start at the same moment.

SQLite: our transactions begin as writers, which is the lock. PostgreSQL: an advisory lock for the transaction's time.
When the schema is up to date Alembic is not even imported.
"""

from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

HEAD = "0001"
_ONE_AT_A_TIME = f"SELECT pg_advisory_xact_lock({0x5348494E})"  # "SHIN"
_PATIENCE_MS = 30_000


async def migrate(engine: AsyncEngine) -> None:
    if await _version(engine) == HEAD:
        return
    async with engine.connect() as connection:
        await connection.execution_options(patience_ms=_PATIENCE_MS)
        async with connection.begin():
            if engine.dialect.name == "postgresql":
                await connection.execute(text(_ONE_AT_A_TIME))
            await connection.run_sync(_upgrade)


async def _version(engine: AsyncEngine) -> str | None:
    """None also when there is no such table yet."""
    async with engine.connect() as connection:
        await connection.execution_options(reads_only=True)
        try:
            found = await connection.execute(text("SELECT version_num FROM alembic_version"))
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return None
        return found.scalar_one_or_none()


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - 0.3 s and 12 MB that a start at head does without
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
