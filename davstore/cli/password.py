"""`davstore password`: a hash for the configuration."""

import sys

import typer
from argon2 import PasswordHasher

from davstore.cli.screen import out


def password() -> None:
    """Make a hash of a password, to stand in the configuration in its place."""
    if sys.stdin.isatty():
        word = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        word = sys.stdin.readline().rstrip("\n")
    if not word:
        raise typer.BadParameter("the password is empty")
    out.print(PasswordHasher().hash(word), soft_wrap=True, markup=False)
