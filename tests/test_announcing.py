"""Bonjour: what another program on the network hears of a server."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from zeroconf import ServiceBrowser, ServiceInfo, ServiceListener, Zeroconf

from davstore.server.announcing import TYPE, service
from davstore.simulator import Simulator
from tests.commands import free_port
from tests.serving import wait_until, write_config


class Hearing(ServiceListener):
    """The servers that are announced now, by name."""

    def __init__(self) -> None:
        self.servers: dict[str, ServiceInfo | None] = {}

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.servers[name] = zc.get_service_info(type_, name)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.add_service(zc, type_, name)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self.servers.pop(name, None)


@pytest.fixture
def hearing() -> Iterator[Hearing]:
    network, found = Zeroconf(interfaces=["127.0.0.1"]), Hearing()
    browser = ServiceBrowser(network, TYPE, found)
    yield found
    browser.cancel()
    network.close()


def test_a_machine_may_have_as_long_a_name_as_there_is() -> None:
    said = service("http://127.0.0.1:8080/", f"{'m' * 63}.example")
    assert said.name.startswith("davstore on mmm")
    assert said.parsed_addresses() == ["127.0.0.1"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_is_heard_of_while_it_runs(
    sim: Simulator, hearing: Hearing, tmp_path: Path, workers: int
) -> None:
    config = write_config(sim, tmp_path, accounts=("alldebrid",))
    port = free_port()
    environ = {
        **os.environ, "DAVSTORE_SERVER__PORT": str(port), "DAVSTORE_SERVER__ANNOUNCE": "true",
        "DAVSTORE_SERVER__WORKERS": str(workers),
    }  # fmt: skip
    command = [sys.executable, "-m", "davstore", "serve", "-c", str(config)]

    def ours() -> list[ServiceInfo]:
        return [each for each in list(hearing.servers.values()) if each and each.port == port]

    with subprocess.Popen(command, env=environ) as process:
        try:
            wait_until(ours, 40)
            [info] = ours()
            assert info.parsed_addresses() == ["127.0.0.1"]
            assert info.properties == {b"path": b"/"}
            assert info.name.startswith("davstore on ")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        wait_until(lambda: not ours())
