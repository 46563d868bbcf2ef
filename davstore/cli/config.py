"""`davstore config`: what is in force."""

from davstore import config as settings
from davstore.cli.screen import ConfigFile, load, out


def config(config: ConfigFile = None) -> None:
    """Show the settings in force, from file and environment, with secrets masked."""
    out.print(settings.effective(load(config)), end="")
