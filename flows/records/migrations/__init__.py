"""The history of the tables, for Alembic. `flows/records/migrating.py` runs it at the start."""
