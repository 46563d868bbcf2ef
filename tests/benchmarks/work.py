"""What a piece of work is: a name, the servers it is done with, and figures of each.

Figures are named as they stand at the head of a column, unit included; "upstream ×" is what the
origin sent for each byte that the client got.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from tests.benchmarks.clients import ask
from tests.benchmarks.origins import FILM, FILM_SIZE
from tests.benchmarks.processes import Unfit
from tests.benchmarks.servers import Bench, Server

Figures: TypeAlias = Mapping[str, float]
Measure: TypeAlias = Callable[[Bench, Server, int], Figures]
Round: TypeAlias = Callable[[int], Figures]

RANGE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Work:
    """Something to measure.

    `opened` gets a server's name ready and yields what measures one round, by its number. Both
    may raise `Unfit`. `once` is for what takes long and hardly varies. `against` is the server
    with which the others are compared.
    """

    name: str
    title: str
    servers: tuple[str, ...]
    opened: Callable[[Bench, str], AbstractContextManager[Round]]
    once: bool = False
    against: str = "rclone"


def kept(origin: str, measure: Measure) -> Callable[[Bench, str], AbstractContextManager[Round]]:
    """Measured with one warm server for all rounds."""

    @contextmanager
    def opened(bench: Bench, name: str) -> Iterator[Round]:
        with bench.server(name, origin) as server:
            ask("first_bytes", url=server.url(FILM), size=FILM_SIZE, length=RANGE, count=20,
                seed=0, seconds=5)  # fmt: skip
            bench.origins.sent()

            def measured(number: int) -> Figures:
                try:
                    return measure(bench, server, number)
                except Unfit as reason:
                    raise Unfit(f"{reason}{server.last_words()}") from None

            yield measured

    return opened


def fresh(origin: str, measure: Measure) -> Callable[[Bench, str], AbstractContextManager[Round]]:
    """Measured with a server started anew for every round."""

    @contextmanager
    def opened(bench: Bench, name: str) -> Iterator[Round]:
        def measured(number: int) -> Figures:
            with kept(origin, measure)(bench, name) as measured_once:
                return measured_once(number)

        yield measured

    return opened
