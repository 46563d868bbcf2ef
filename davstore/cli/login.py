"""`davstore login` and `davstore logout`: into an account by a code, and out again."""

import time
from typing import Annotated

import typer
from rich.text import Text

from davstore.cli.accounts import AccountName, NotOffered, opened
from davstore.cli.screen import ConfigFile, day, err, out
from davstore.stores.login import Confirming, Invitation, LoggingIn, await_confirmation, log_in

LOGIN = "login by a code; the README says what to configure for it"


def login(
    account: AccountName,
    config: ConfigFile = None,
    *,
    mail_again: Annotated[
        bool, typer.Option("--mail-again", help="Have the mail about a new place sent once more.")
    ] = False,
) -> None:
    """Let davstore into an account that has login = true, by a code that you type on its page.

    Where AllDebrid waits for an answer to its mail about a new place, wait for that.
    """
    with opened(config, account) as (store, settings):
        if getattr(settings, "login", False) or not isinstance(store, Confirming):
            if not isinstance(store, LoggingIn):
                raise NotOffered(store, LOGIN)
            log_in(store, _tell)
        if isinstance(store, Confirming):
            _confirm(store, mail_again=mail_again)
        who = store.account()
        until = f", paid until {day(who.paid_until)}" if who.paid_until else ""
        out.print(f"{account}: logged in as {who.user}{until}")


def logout(account: AccountName, config: ConfigFile = None) -> None:
    """Forget what `davstore login` has brought, and have the service forget it where it can."""
    with opened(config, account) as (store, _):
        if not isinstance(store, LoggingIn):
            raise NotOffered(store, LOGIN)
        store.log_out()
    out.print(f"{account}: logged out")


def _tell(invitation: Invitation) -> None:
    """The code is all that is ever printed of a login."""
    minutes = max(1, round((invitation.expires - time.time()) / 60))
    out.print(Text.assemble(f"Open {invitation.page} and type ", (invitation.code, "bold")))
    if invitation.direct:
        out.print(f"(or open {invitation.direct})")
    err.print(f"waiting for that, {minutes} minutes at most …")


def _confirm(store: Confirming, *, mail_again: bool) -> None:
    """Wait for the answer to a mail, where there is one to be answered."""
    held = store.held()
    if not held:
        return
    if mail_again:
        store.mail_again(held)
    out.print(
        "This machine is new to the service, which has mailed you about it: "
        "open that mail and confirm it.",
    )  # fmt: skip
    err.print("waiting for that; --mail-again has it sent once more …")
    await_confirmation(store, held)
