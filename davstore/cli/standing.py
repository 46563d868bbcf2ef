"""What `davstore status` asks the services: who an account is, its limits and traffic."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from davstore.errors import StoreError
from davstore.model import Account, Quota, Used
from davstore.stores.base import Store
from davstore.stores.desk import Limited, Metered, Timed, distinct

SKEWED = 90.0
"""Seconds by which two clocks may differ, and nobody need care."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a service said of an account; `problem` why it did not."""

    account: Account | None = None
    limits: tuple[Quota, ...] = ()
    usage: tuple[Used, ...] = ()
    skew: float = 0.0
    problem: str = ""


def ask(stores: Mapping[str, Store]) -> dict[str, Said]:
    """All services at once, a few calls each."""
    if not stores:
        return {}
    with ThreadPoolExecutor(len(stores)) as pool:
        return dict(zip(stores, pool.map(_said, stores.values()), strict=True))


def _said(store: Store) -> Said:
    """What is not to be had leaves the rest as it is."""
    try:
        account = store.account()
    except StoreError as error:
        return Said(problem=error.reason)
    try:
        limits = store.limits() if isinstance(store, Limited) else ()
        usage = store.usage() if isinstance(store, Metered) else ()
        skew = store.skew() if isinstance(store, Timed) else 0.0
    except StoreError as error:
        return Said(account, account.quotas, problem=error.reason)
    return Said(account, distinct(account.quotas + limits), usage, skew)
