"""What Alembic runs: the steps, on the connection that :mod:`alp.ledger.migrate` gives it."""

from __future__ import annotations

from alembic import context

from alp.ledger.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table="ledger_version",
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
