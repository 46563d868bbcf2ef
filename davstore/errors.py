"""What can go wrong, as one tree.

    DavstoreError
      ConfigError            every problem of the configuration at once, each with its cure
      StateError             the state folder, or the database, cannot be used
        DatabaseAway           … because the database does not answer now
      NotReady               nothing is known of an account yet
      StoreError             names the account
        NotAuthorized          token wrong or revoked: stop and tell the owner
        AccountProblem         not premium, locked, address not allowed: stop and tell the owner
        RateLimited            wait; knows how long if told
        QuotaExhausted         traffic or slots used up; knows until when if told
        StoreUnavailable       try later
          Busy                   … because our own limits are reached
          Preparing              … because it is still buffering this file
        Refused                infringing or forbidden content: never retry
        Gone                   this magnet, file or ref is no more
        UnexpectedReply        the service changed or broke: its shape is named, not its content
          TooLong                … or does not take so much in one call
      Full                   no more can be dropped now
      NotAccepted            what was dropped holds no magnet that can be added
        WrongKind              … and is no kind of file that could
      LinkDead               the upstream no longer serves this link: resolve again
      StreamBroken           upstream failed after all retries
        StreamTimeout          … because it did not send in time
      HookError              a hook could not be told what has changed

A message is one line for a person; it never holds a token, a password or a link.
"""

from copy import copy
from dataclasses import dataclass
from typing import TypeVar

E = TypeVar("E", bound="DavstoreError")


class DavstoreError(Exception):
    """Anything davstore itself has to say; `str()` is fit for a person."""


def anew(error: E) -> E:
    """The same error without the way that it came.

    For whoever keeps an error, or hands one to several: the frames on its way hold on to all that
    was at work in them, buffers too, and an exception that is raised twice grows.
    """
    return copy(error)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration: where it stands, what it is, what cures it."""

    key: str
    found: str
    cure: str

    def __str__(self) -> str:
        return f"{self.key}: {self.found}; {self.cure}"


class ConfigError(DavstoreError):
    """Every problem of the configuration at once."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class StateError(DavstoreError):
    """The state folder cannot be read or written."""


class DatabaseAway(StateError):
    """The database that machines share cannot be reached, or does not answer: try later."""


class NotReady(DavstoreError):
    """Nothing is known yet of the account or view called `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"nothing is known of {self.name!r} yet: no store has answered; try again soon"


class StoreError(DavstoreError):
    """A store did not do what was asked.

    `account` is the configured name, `reason` a phrase for a person, and `retry_after` the
    seconds that the store asked us to wait, where it said so.
    """

    def __init__(self, account: str, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(account, reason)
        self.account = account
        self.reason = reason
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"account {self.account!r}: {self.reason}"


class NotAuthorized(StoreError):
    """The token is wrong or revoked: stop asking and tell the owner."""


class AccountProblem(StoreError):
    """The account may not do this (unpaid, locked, address refused): tell the owner."""


class RateLimited(StoreError):
    """Too many requests: wait."""


class QuotaExhausted(StoreError):
    """Traffic or slots are used up until the store resets them."""


class StoreUnavailable(StoreError):
    """The store cannot answer now: try later."""


class Busy(StoreUnavailable):
    """Our own limits for the account are reached: nothing is wrong with the file."""


class Preparing(StoreUnavailable):
    """The service is still buffering this file."""


class Refused(StoreError):
    """Infringing or forbidden content: never ask again."""


class Gone(StoreError):
    """A magnet, file or ref that is no more."""


class UnexpectedReply(StoreError):
    """The reply has a shape that we do not know; the reason names the shape, not the content."""


class TooLong(UnexpectedReply):
    """The service, or a proxy before it, does not take so much in one call."""


class Full(DavstoreError):
    """No more can be dropped now."""


class NotAccepted(DavstoreError):
    """What was dropped holds no magnet that can be added."""


class WrongKind(NotAccepted):
    """It is no kind of file that could hold one."""


class LinkDead(DavstoreError):
    """The upstream no longer serves this link."""


class StreamBroken(DavstoreError):
    """The upstream failed after all tries."""


class StreamTimeout(StreamBroken):
    """The upstream did not send in time."""


class HookError(DavstoreError):
    """A hook could not be told; the reason is a phrase without its name, address or secrets."""
