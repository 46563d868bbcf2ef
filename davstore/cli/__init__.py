"""The commands a person types."""


def main() -> None:
    """Run the `davstore` command."""
