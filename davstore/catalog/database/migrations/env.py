"""Runs scripts in the transaction of the connection that we were handed; Alembic loads it."""

from alembic import context

from davstore.catalog.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
