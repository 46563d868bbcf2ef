"""Three replicas, over one database and behind one HAProxy, for all tests of this folder: each
leaves them running, and what they show as it was.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from davstore.config import Database
from davstore.simulator import Simulator
from tests.postgres import Cluster
from tests.replicas.balanced import Replica, balanced, replicas
from tests.replicas.load import FOLDER, film, name
from tests.serving import wait_until

FILMS = 6


@pytest.fixture(scope="package")
def library() -> Iterator[Simulator]:
    with Simulator() as sim:
        for number in range(FILMS):
            sim.alldebrid.add(film(number))
        yield sim


@pytest.fixture(scope="package")
def common(postgres: Cluster) -> Iterator[Database]:
    """The database of the three."""
    with postgres.database() as made:
        yield made


@pytest.fixture(scope="package")
def three(
    library: Simulator, need: Callable[..., None], tmp_path_factory: pytest.TempPathFactory,
    common: Database,
) -> Iterator[Sequence[Replica]]:  # fmt: skip
    need("haproxy")
    folder = tmp_path_factory.mktemp("replicas")
    with replicas(library, folder, common.url.get_secret_value()) as made:
        wait_until(lambda: all(each.lists(FOLDER, name(0)) for each in made))
        yield made
        assert [each.complaints() for each in made] == [[], [], []]


@pytest.fixture
def url(three: Sequence[Replica], tmp_path: Path) -> Iterator[str]:
    with balanced(three, tmp_path) as found:
        yield found
