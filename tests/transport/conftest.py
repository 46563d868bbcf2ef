"""Transports to a local server that answers as it is told to."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from davstore.transport import Transport
from tests.transport.answering import Answering, answering

Open = Callable[..., Transport]

SECRET = {"Authorization": "Bearer SECRET", "X-Store-Authorization": "SECRET"}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server() -> Iterator[Answering]:
    with answering() as found:
        yield found


@pytest.fixture
def other() -> Iterator[Answering]:
    """Another server, reached by another host name."""
    with answering() as found:
        found.url = found.url.replace("127.0.0.1", "localhost")
        yield found


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def open_(server: Answering, naps: list[float]) -> Iterator[Open]:
    opened: list[Transport] = []

    def opening(base_url: str = "", **options: Any) -> Transport:
        options = {"sleep": naps.append, "jitter": 0.0, "secrets": SECRET, **options}
        opened.append(Transport("sintel", base_url or server.url, **options))
        return opened[-1]

    yield opening
    for transport in opened:
        transport.close()
