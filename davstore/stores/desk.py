"""What a store may promise beyond its magnets: what an owner asks of an account by command.

Each is one small promise, told by `isinstance`; all raise `StoreError`s.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from davstore.model import Choice, File, HostState, Magnet, Quota, Saved, Unlocked, Used, Vouchers


@runtime_checkable
class Linking(Protocol):
    """A store whose accounts keep links of file hosts beside magnets."""

    def links(self) -> tuple[Saved, ...]:
        """All of them, newest first, each link once; cheap: a call or two. Their files are as
        magnets' are: `link` resolves them.
        """

    def take(self, links: Sequence[str], password: str = "") -> None:
        """Have the account keep these links of file hosts; of one that leads to others, those.

        May be called again. Raises `Gone` or `Refused` for what it will never keep.
        """

    def forget(self, saved: Saved) -> None:
        """Keep this one no longer; that it was not there is as good.

        Raises `Refused` where the service cannot let go of this one alone.
        """


@runtime_checkable
class Purging(Protocol):
    """A store that remembers recent links until it is told not to."""

    def purge(self) -> None:
        """Forget all recent links."""


@runtime_checkable
class Transcoding(Protocol):
    """A store that looks into videos, and sends them transcoded."""

    def media(self, file: File) -> tuple[str, ...]:
        """What is known of its length, picture, sound and subtitles, a line each."""

    def transcoded(self, file: File) -> str:
        """The address of an HLS playlist of it. Whoever has that can watch it."""


@runtime_checkable
class Unlocking(Protocol):
    """A store that gives direct addresses of what stands at file hosts."""

    def unlock(self, link: str, password: str = "") -> tuple[Unlocked, ...]:
        """All files behind a link: of one file, of a folder, of a container of links."""

    def look_up(self, links: Sequence[str], password: str = "") -> tuple[Unlocked, ...]:
        """What the files are, without a direct address and at no cost to any quota."""


@runtime_checkable
class Opening(Protocol):
    """A store that opens containers of links (DLC and the like)."""

    def inside(self, content: bytes) -> tuple[str, ...]:
        """The links in a container file. Raises `Refused` where the service makes nothing of it."""


@runtime_checkable
class Limited(Protocol):
    """A store that tells what is left of an account's limits."""

    def limits(self) -> tuple[Quota, ...]:
        """What is used and left, in few calls."""


def distinct(quotas: Sequence[Quota]) -> tuple[Quota, ...]:
    """Of each name the last: what a service says twice, it says better the second time."""
    return tuple({quota.name: quota for quota in quotas}.values())


@runtime_checkable
class Metered(Protocol):
    """A store that tells what was downloaded when."""

    def usage(self) -> tuple[Used, ...]:
        """The last days, oldest first."""


@runtime_checkable
class Timed(Protocol):
    """A store that tells what time it is."""

    def skew(self) -> float:
        """Seconds by which our clock is ahead of the service's."""


@runtime_checkable
class Hosting(Protocol):
    """A store that tells which file hosts it knows."""

    def hosts(self) -> tuple[HostState, ...]:
        """All hosts that the account can use, and whether they work."""


@runtime_checkable
class Tunable(Protocol):
    """A store whose accounts have settings that can be changed from here."""

    def choices(self) -> tuple[Choice, ...]:
        """All settings."""

    def tune(self, name: str, value: str) -> None:
        """Change one. Raises `UnexpectedReply` where the service does not take it."""


@runtime_checkable
class Notifying(Protocol):
    """A store that has notices for the owner, which can be taken away."""

    def dismiss(self, notice: str) -> None:
        """No longer be told `notice`."""


@runtime_checkable
class Restarting(Protocol):
    """A store that can try magnets that failed once more."""

    def restart(self, magnets: Sequence[Magnet]) -> tuple[tuple[Magnet, str], ...]:
        """Try these again; each with what is in its way, "" where nothing is."""


@runtime_checkable
class Vouching(Protocol):
    """A store whose resellers have vouchers."""

    def balance(self) -> Vouchers:
        """What is left to buy vouchers with."""

    def vouchers(self, days: int, count: int, *, buy: bool) -> Vouchers:
        """So many vouchers for so many days: those in stock, or new ones for money.

        Asks once and must not repeat that.
        """
