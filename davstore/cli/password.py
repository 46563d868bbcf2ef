"""`davstore password`: a hash for the configuration."""

import sys
from typing import Annotated

import typer
from argon2 import PasswordHasher

from davstore.cli.screen import out


def password(
    digest: Annotated[
        str,
        typer.Option(
            "--digest", metavar="NAME", show_default=False,
            help="Make what Digest logins of the user NAME need instead, for users.digest.",
        ),
    ] = "",
) -> None:  # fmt: skip
    """Make a hash of a password, to stand in the configuration in its place."""
    if sys.stdin.isatty():
        word = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        word = sys.stdin.readline().rstrip("\n")
    if not word:
        raise typer.BadParameter("the password is empty")
    if digest:
        from davstore.dav.access.people import digest_of  # noqa: PLC0415 - WebDAV's half is loaded with it

        out.print(digest_of(digest, word))
        return
    out.print(PasswordHasher().hash(word))
