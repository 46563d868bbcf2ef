"""Small charts as numbers for inline SVG: no library, no script, nothing to be allowed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 120


@dataclass(frozen=True, slots=True)
class Chart:
    """A line and the area below it, as SVG paths in a box of `WIDTH` by `HEIGHT`, whose height
    stands for `floor` to `top`. `latest` is the last value.
    """

    line: str
    area: str
    top: float
    latest: float
    floor: float = 0.0


def chart(values: Sequence[float], floor: float = 0.0) -> Chart:
    """Of values at even distances, the oldest first, none of them below `floor`."""
    top = floor + _round_up(max(values, default=floor) - floor)
    scale = HEIGHT / (top - floor) if top > floor else 0.0
    step = WIDTH / max(1, len(values) - 1)
    points = [
        f"{at * step:.1f},{HEIGHT - (value - floor) * scale:.1f}" for at, value in enumerate(values)
    ] or [f"0,{HEIGHT}"]
    line = "M" + "L".join(points)
    return Chart(line, f"{line}V{HEIGHT}H0Z", top, values[-1] if values else 0.0, floor)


def gathered(values: Sequence[float], by: int) -> list[float]:
    """Means of `by` neighbours each."""
    return [sum(values[at : at + by]) / by for at in range(0, len(values), by)]


def _round_up(value: float) -> float:
    """To 1, 2 or 5 and zeros: half of it is easily said too."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= value)
