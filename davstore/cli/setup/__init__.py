"""`davstore setup`: a few questions, then a configuration, systemd units and what to type where.

`questions` asks, `units` are systemd's, `words` what a person types in each client.
"""

from davstore.cli.setup.command import setup

__all__ = ["setup"]
