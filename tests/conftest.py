"""What all tests share."""

from collections.abc import Iterator

import pytest

from davstore.simulator import Simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """The five services and the file host, running, with empty libraries."""
    with Simulator() as simulator:
        yield simulator
