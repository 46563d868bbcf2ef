"""What all tests share."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from davstore.simulator import Simulator

# A busy machine is no reason to fail: what hangs is ended by pytest-timeout.
settings.register_profile("davstore", deadline=None)
settings.load_profile("davstore")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """The five services and the file host, running, with empty libraries."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def need() -> Callable[..., None]:
    """Skips where a tool is missing, but fails in CI: there nothing may be left out."""

    def check(*tools: str) -> None:
        missing = [tool for tool in tools if shutil.which(tool) is None]
        if missing and os.environ.get("CI"):
            pytest.fail(f"CI lacks {', '.join(missing)}")
        if missing:
            pytest.skip(f"needs {', '.join(missing)}: install them to run this test")

    return check
