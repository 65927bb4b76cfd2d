"""The state of the database: which migrations wait, which server it is."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def pending_migrations() -> list[str]:
    """Names of the migrations that are not applied yet. Raises OperationalError if the database cannot be reached."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def bring_up_to_date() -> int:
    """Apply what is missing; answers how many migrations that were. Where nothing is missing, it takes no time."""
    pending = pending_migrations()
    if pending:
        call_command("migrate", interactive=False, verbosity=0)
    return len(pending)


def version() -> str:
    """“SQLite 3.40.1” or “PostgreSQL 16.2”."""
    connection.ensure_connection()
    numbers = ".".join(str(part) for part in connection.get_database_version())
    return f"{connection.display_name} {numbers}"
