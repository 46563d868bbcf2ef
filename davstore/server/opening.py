"""The stores of the configured accounts: all that most commands need.

The catalog, and with it SQLAlchemy, is loaded only where machines share a database.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from davstore.config import Settings
from davstore.stores import STORES
from davstore.stores.base import Means, Store
from davstore.stores.passes import Passes, PassFile
from davstore.tally import Tally
from davstore.transport import Together

if TYPE_CHECKING:
    from davstore.catalog import Engine

PassesOf: TypeAlias = Callable[[str, str], Passes]
"""Where what a login has brought is kept, by the account's name and its service's address."""


def open_stores(
    settings: Settings,
    processes: int = 1,
    *,
    engine: "Engine | None" = None,
    tally: Tally | None = None,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Store]:
    """A store for each configured account; so many processes keep its limits together, or all that
    share the database of an `engine`, which is to be given where there is one. Between two tries of
    a call they `sleep`. What they ask is counted in `tally`.
    """
    state = settings.server.state
    if settings.server.database is None:
        together = None if processes == 1 else Together(state, processes)
        passes: PassesOf = partial(PassFile, state)
    else:
        assert engine is not None
        together, passes = _by_database(state, processes, engine)
    means = Means(now, sleep, together, tally)
    return {
        name: STORES[account.store].open(
            name, account, replace(means, passes=passes(name, str(account.url)))
        )
        for name, account in settings.accounts.items()
    }


def _by_database(state: Path, processes: int, engine: "Engine") -> tuple[Together, PassesOf]:
    from davstore.catalog import PassRecord, pool_of  # noqa: PLC0415 - as above

    return Together(state, processes, pool_of(engine)), partial(PassRecord, engine)
