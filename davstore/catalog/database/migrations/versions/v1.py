"""The first schema: accounts, magnets and files."""

revision = "v1"
down_revision = None


def upgrade() -> None:
    """There was nothing before it."""
