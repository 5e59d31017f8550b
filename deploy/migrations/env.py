"""Runs the versions on the connection that services.runtime.migrations opened and locked."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["target_metadata"],
    compare_server_default=True,
    include_name=context.config.attributes["include_name"],
)
with context.begin_transaction():
    context.run_migrations()
