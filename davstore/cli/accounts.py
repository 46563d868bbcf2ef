"""What the commands about accounts share: finding it, and what its store promises."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Protocol

import typer

from davstore.cli.screen import load
from davstore.config import AccountSettings, Settings
from davstore.errors import DavstoreError
from davstore.server.opening import open_stores
from davstore.stores.base import Store

AccountName = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's name.")]


class Named(Protocol):
    """Anything at an account."""

    name: str


class NoSuchAccount(DavstoreError):
    """The configuration has no account of this name."""


class NotOffered(DavstoreError):
    """The account's service cannot do this."""

    def __init__(self, store: Named, what: str) -> None:
        super().__init__(f"account {store.name!r}: its service has no {what}")


@contextmanager
def opened(config: Path | None, name: str) -> Iterator[tuple[Store, AccountSettings]]:
    """The store of one configured account, closed in the end, and what is configured of it.

    Raises `NoSuchAccount`.
    """
    settings = load(config)
    check_account(settings, name)
    one = settings.model_copy(update={"accounts": {name: settings.accounts[name]}})
    with stores_of(one) as stores:
        yield stores[name], settings.accounts[name]


@contextmanager
def stores_of(settings: Settings) -> Iterator[dict[str, Store]]:
    """The stores of all configured accounts, closed in the end."""
    with ExitStack() as stack:
        engine = None
        if settings.server.database is not None:
            from davstore.cli.opening import state_of  # noqa: PLC0415 - it loads SQLAlchemy

            engine = stack.enter_context(state_of(settings))
        stores = open_stores(settings, engine=engine)
        for store in stores.values():
            stack.callback(store.close)
        yield stores


def check_account(settings: Settings, name: str, cure: str = "") -> None:
    """Raises `NoSuchAccount` where none is configured under this name."""
    if name not in settings.accounts:
        known = ", ".join(settings.accounts)
        raise NoSuchAccount(f"there is no account {name!r}; known are {known}{cure}")
