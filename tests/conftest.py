"""What all tests share."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from hypothesis import settings

from davstore.config import Database
from davstore.simulator import Simulator
from tests.clock import Clock
from tests.postgres import Cluster, binaries

# A busy machine is no reason to fail: what hangs is ended by pytest-timeout.
settings.register_profile("davstore", deadline=None)
settings.load_profile("davstore")


LONG: tuple[str, ...] = (
    "replicas/test_replicas", "replicas/test_networks", "test_front", "clients/test_handbook",
    "test_workers", "clients/test_streaming", "catalog/test_removal_histories",
    "clients/test_browser", "replicas/", "catalog/test_histories", "catalog/test_replica_histories",
    "test_lookups", "clients/", "test_database_outage", "test_adding_processes",
    "catalog/test_additions", "catalog/test_listening", "test_reloading", "test_state_",
    "test_packaging", "test_loading", "test_hostile", "test_chaos", "dav/test_scratch",
    "dav/test_dropping_links", "stores/test_any_answer", "stores/test_login", "test_cli",
    "test_importing", "test_owner_commands", "test_deleting", "test_links_folder",
)  # fmt: skip
"""Files that take long, the longest first: they start programs, wait for what only a clock brings,
or try many histories.
"""


def pytest_xdist_auto_num_workers() -> int | None:
    """Of `-n auto`: two for each processor, as most tests wait more than they compute."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return 2 * len(os.sched_getaffinity(0))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long ones first: none is to be left in the end for one process, with the others idle."""
    here = Path(__file__).parent
    items.sort(key=lambda item: _turn(item.path.relative_to(here).as_posix()))


def _turn(path: str) -> int:
    return next((at for at, name in enumerate(LONG) if path.startswith(name)), len(LONG))


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """The five services and the file host, running, with empty libraries."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass(frozen=True)
class Certified:
    """A certificate for this machine and the authority that vouches for it, as files."""

    authority: Path
    certificate: Path
    key: Path

    @property
    def settings(self) -> dict[str, str]:
        return {"tls_cert": str(self.certificate), "tls_key": str(self.key)}


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return issued(tmp_path_factory.mktemp("tls"))


def issued(folder: Path) -> Certified:
    """A new certificate of a new authority."""
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1", "localhost")
    found = Certified(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(found.authority)
    found.certificate.unlink(missing_ok=True)
    for blob in made.cert_chain_pems:
        blob.write_to_path(found.certificate, append=True)
    made.private_key_pem.write_to_path(found.key)
    return found


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


@pytest.fixture(scope="session")
def postgres(need: Callable[..., None]) -> Iterator[Cluster]:
    """A PostgreSQL that runs for as long as the tests; none of them stops it."""
    programs = binaries()
    if programs is None:
        need("postgres")
    assert programs is not None
    cluster = Cluster(programs)
    yield cluster
    cluster.close()


@pytest.fixture
def own(postgres: Cluster) -> Iterator[Cluster]:
    """A PostgreSQL that may be stopped; `postgres` has skipped the test where there is none."""
    programs = binaries()
    assert programs is not None
    cluster = Cluster(programs)
    yield cluster
    cluster.go_on()
    cluster.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database | None]:
    """Where the state is: in its folder, or in a database of its own, so that whoever uses this
    holds for both.
    """
    yield from _place(request)


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def common_database(request: pytest.FixtureRequest) -> Iterator[Database | None]:
    """The same for a server that all tests of a file ask."""
    yield from _place(request)


def _place(request: pytest.FixtureRequest) -> Iterator[Database | None]:
    if request.param == "sqlite":
        yield None
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    with cluster.database() as made:
        yield made
