"""Indexes for what every process asks when others have changed something, and for each removal."""

from alembic import op

revision = "v8"
down_revision = "v7"


def upgrade() -> None:
    """From the schema before."""
    op.create_index("ix_links_revision", "links", ["revision"], if_not_exists=True)
    op.create_index("ix_sizes_revision", "sizes", ["revision"], if_not_exists=True)
    op.create_index("ix_audit_ended", "audit", ["ended", "account", "magnet"], if_not_exists=True)
