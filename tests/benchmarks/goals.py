"""What streaming is to reach on a machine of two cores, measured in one run with its rivals."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

Measured: TypeAlias = Callable[[str, str, str, str], float | None]
"""(work, server, figure, other): the figure, or its share of the other server's; None: neither."""


@dataclass(frozen=True, slots=True)
class Goal:
    """davstore's `figure` of `work`, as a share of server `of`'s where that is named."""

    work: str
    figure: str
    bound: float
    of: str = ""
    least: bool = False

    def __str__(self) -> str:
        sign = "≥" if self.least else "≤"
        return f"{sign} {self.bound:g}" + (f" × {self.of}" if self.of else "")

    def reached(self, measured: Measured) -> tuple[float | None, bool]:
        """What was measured, and whether it is enough."""
        value = measured(self.work, "davstore", self.figure, self.of)
        if value is None:
            return None, False
        return value, value >= self.bound if self.least else value <= self.bound


def _goals() -> Iterator[Goal]:
    yield Goal("one-http", "MB/s", 1.3, "rclone", least=True)
    yield Goal("one-https", "MB/s", 1.2, "rclone", least=True)
    for many in ("four", "sixteen"):
        for origin in ("http", "https"):
            yield Goal(f"{many}-{origin}", "MB/s", 1.1, "rclone", least=True)
    yield Goal("one-https", "CPU s/GiB", 1, "rclone")
    yield Goal("slow-host", "MB/s", 3, "rclone", least=True)
    for name in ("ranges", "ranges-16"):
        yield Goal(name, "requests/s", 2, "rclone off", least=True)
        yield Goal(name, "upstream ×", 1.1)
    yield Goal("first-byte", "ms, 64 KiB", 0.5, "rclone")
    yield Goal("first-byte", "ms, open range", 0.5, "rclone")
    yield Goal("first-byte-far", "ms, 64 KiB", 0.2, "rclone")
    yield Goal("first-byte-far", "ms, open range", 0.2, "rclone")
    for name in ("ranges-far", "ranges-far-16"):
        yield Goal(name, "requests/s", 3.5, "rclone", least=True)
    yield Goal("crowd", "not begun", 0)
    yield Goal("crowd", "dropped", 0)
    yield Goal("crowd", "unanswered", 0)
    yield Goal("crowd", "listing/idle", 2)
    yield Goal("crowd", "resident MB", 200)
    for when in ("again", "restarted"):
        yield Goal("second-probe", f"{when} links", 0)
        yield Goal("second-probe", f"{when} MiB", 0)
    yield Goal("mount-probe", "links/file", 1)
    yield Goal("mount-probe", "upstream MiB/file", 3)


GOALS = tuple(_goals())
