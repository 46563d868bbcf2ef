"""How a person lets davstore into an account without writing a token anywhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, runtime_checkable

from davstore.errors import NotAuthorized, StoreUnavailable


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a person types where: `code` at `page`; `direct` is that page with the code in it.

    It is good until `expires`; whether it was accepted may be asked `every` so many seconds.
    `secret` is the store's own.
    """

    code: str
    page: str
    direct: str
    expires: float
    every: float
    secret: str = field(repr=False)


@runtime_checkable
class LoggingIn(Protocol):
    """A store that can be logged in to by a code."""

    name: str

    def invite(self) -> Invitation:
        """A new code. Raises `StoreError`."""

    def accepted(self, invitation: Invitation) -> bool:
        """Whether the code was typed by now; the pass is then kept, and used from now on.

        Raises `NotAuthorized` where it was refused or is too old, other `StoreError`s otherwise.
        """

    def log_out(self) -> None:
        """Forget the pass, and have the service forget it where it can. Raises `StoreError`."""


@runtime_checkable
class Confirming(Protocol):
    """A store that mails its owner where davstore is new to it, and waits for an answer."""

    name: str

    def held(self) -> str:
        """What stands for the mail that waits to be answered; "" where nothing is in the way.

        Raises `StoreError` where something else is.
        """

    def confirmed(self, held: str) -> bool:
        """Whether it was answered with yes by now. Raises `NotAuthorized` for no and too late."""

    def mail_again(self, held: str) -> None:
        """Have it sent once more. Raises `Refused` where that was done before."""


def revoked(account: str) -> str:
    """What is wrong with a login that does not hold, and the cure."""
    return f"the login was revoked or is missing; run `davstore login {account}`"


TRIES = 5
"""So often in a row may the service fail to answer while a person types."""
MAIL_WITHIN, ASK_EVERY = 600.0, 5.0
"""Seconds in which a mail is to be answered, and between two questions whether it was."""


def log_in(
    store: LoggingIn,
    tell: Callable[[Invitation], None],
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """`tell` a person what to type, and wait until that is done.

    Raises `NotAuthorized` where it was refused or not done in time, other `StoreError`s otherwise.
    """
    invitation = store.invite()
    tell(invitation)
    accepted = partial(store.accepted, invitation)
    if not _came(accepted, invitation.expires, invitation.every, now, sleep):
        reason = f"the code was not typed in time; run `davstore login {store.name}` for another"
        raise NotAuthorized(store.name, reason)


def await_confirmation(
    store: Confirming,
    held: str,
    *,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until the mail for which `held` stands is answered. Raises as `log_in`."""
    confirmed = partial(store.confirmed, held)
    if not (confirmed() or _came(confirmed, now() + MAIL_WITHIN, ASK_EVERY, now, sleep)):
        reason = f"the mail was not answered; answer it, then `davstore login {store.name}`"
        raise NotAuthorized(store.name, reason)


def _came(
    asked: Callable[[], bool],
    until: float,
    every: float,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> bool:
    """Whether the person did it before `until`; a service that fails now and then is asked on."""
    failures = 0
    while now() < until:
        sleep(every)
        try:
            if asked():
                return True
            failures = 0
        except StoreUnavailable:
            failures += 1
            if failures >= TRIES:
                raise
    return False
