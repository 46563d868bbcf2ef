"""The commands a person types: each in its own module, gathered by `main`."""

from davstore.cli.main import main

__all__ = ["main"]
