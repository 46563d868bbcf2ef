"""Small charts as numbers for inline SVG: no library, no script, nothing to be allowed."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 120


@dataclass(frozen=True, slots=True)
class Chart:
    """A line and the area below it, as SVG paths in a box of `WIDTH` by `HEIGHT`; `top` is what
    the box's height stands for.
    """

    line: str
    area: str
    top: float
    latest: float


def chart(values: Sequence[float]) -> Chart:
    """Of values at even distances, the oldest first."""
    top = max(values, default=0.0)
    scale = HEIGHT / top if top > 0 else 0.0
    step = WIDTH / max(1, len(values) - 1)
    points = [
        f"{at * step:.1f},{HEIGHT - value * scale:.1f}" for at, value in enumerate(values)
    ] or [f"0,{HEIGHT}"]
    line = "M" + "L".join(points)
    return Chart(line, f"{line}V{HEIGHT}H0Z", top, values[-1] if values else 0.0)


def gathered(values: Sequence[float], by: int) -> list[float]:
    """Means of `by` neighbours each."""
    return [sum(values[at : at + by]) / by for at in range(0, len(values), by)]
