"""Which davstores share a database at this time, and whether they agree.

Each says who it is as a lease that is its own alone: it is renewed with the others, ends with its
process, and is read whenever leases are, which costs no question more.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

import sqlalchemy as sa

from davstore.catalog.database.dialects import looking, moment, saying
from davstore.catalog.database.tables import leases

TASK: Final = "davstore "
"""What such a lease is of begins so; it is no account's."""
FOLDERS: Final = "folders"
"""Of shares; these are no settings."""
CLOCK: Final = 5.0
"""Seconds by which a clock may differ from the database's before that is worth a word."""


@dataclass(frozen=True, slots=True)
class Member:
    """One process: at `name`, its machine and port, and which one of several there.

    `settings` are short digests of what should be the same everywhere, by what it is.
    """

    name: str
    process: int = 0
    version: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def task(self) -> str:
        """As a lease says it."""
        return TASK + json.dumps(asdict(self), sort_keys=True)

    def other_settings(self, of: "Member") -> list[str]:
        """Those that differ, of what both tell of."""
        both = self.settings.keys() & of.settings.keys()
        return sorted(key for key in both if self.settings[key] != of.settings[key])


def member(task: str) -> Member | None:
    """The reverse of `Member.task`; None for any other lease, also one of another release."""
    if not task.startswith(TASK):
        return None
    try:
        said = json.loads(task.removeprefix(TASK))
        return Member(said["name"], said["process"], said["version"], dict(said["settings"]))
    except (ValueError, TypeError, KeyError):
        return None


def members(engine: sa.Engine, now: Callable[[], float]) -> tuple[list[Member], float]:
    """All that run over a database that machines share, and by how many seconds `now` is ahead of
    it; of a file none. Raises `StateError`.
    """
    there = moment(engine)
    if there is None:
        return [], 0.0
    own = leases.c.task.startswith(TASK, autoescape=True) & (leases.c.account == "")
    query = sa.select(leases.c.task).where(own, leases.c.until > there)
    with saying("the catalog cannot be read"), looking(engine).connect() as connection:
        found = map(member, connection.execute(query).scalars())
        ahead = now() - connection.execute(sa.select(there)).scalar_one()
        return in_order(each for each in found if each is not None), ahead


def in_order(found: Iterable[Member]) -> list[Member]:
    """By machine, and process."""
    return sorted(found, key=lambda each: (each.name, each.process))


def machines(found: Iterable[Member]) -> list[str]:
    """Their names, each once."""
    return sorted({each.name for each in found})


def disagreements(own: Member, found: Collection[Member], ahead: float) -> Iterator[str]:
    """What is not as it should be for `own` among all those `found`, with the cure.

    Its clock is so many seconds `ahead` of the database's.
    """
    others = {each.name: each for each in found if each.name != own.name}
    for name, other in sorted(others.items()):
        differing = own.other_settings(other)
        if FOLDERS in differing:
            differing.remove(FOLDERS)
            yield (
                f"{own.name} and {name} have each a folder of its own for a share, and what is "
                "written at one is not at the other; mount the same folder on both"
            )
        if differing:
            yield (
                f"{own.name} and {name} differ in their {', '.join(differing)}; "
                "give both the same configuration (`davstore config` shows it)"
            )
    if abs(ahead) > CLOCK:
        way = "ahead of" if ahead > 0 else "behind"
        yield (
            f"the clock of {own.name} is {abs(ahead):.0f} s {way} the database's; "
            "set it right (NTP)"
        )
