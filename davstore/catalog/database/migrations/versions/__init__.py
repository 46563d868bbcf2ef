"""One script a schema; see the package above."""
