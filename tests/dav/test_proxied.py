"""What reverse proxies say of a client, and whose word counts."""

import socket
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from davstore.dav import Proxied
from davstore.dav.access.proxied import without
from davstore.simulator import Simulator
from tests.serving import serving

PROXIES = Proxied((ip_network("10.0.0.0/8"), ip_network("fd00::/8")))


def settled(peer: str, proxied: Proxied = PROXIES, **said: str) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "inner:8080",
        "PATH_INFO": "/", "SCRIPT_NAME": "",
    }  # fmt: skip
    environ |= {f"HTTP_X_FORWARDED_{name}": value for name, value in said.items()}
    proxied.settle(environ)
    return environ


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("::ffff:10.0.0.1", "192.0.2.7:4711", "192.0.2.7"),
        ("fd00::1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "192.0.2.66, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.66, 192.0.2.7, 10.0.0.9", "192.0.2.7"),
        ("10.0.0.1", "10.0.0.5, 10.0.0.9", "10.0.0.5"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.7, unknown", "10.0.0.1"),
        ("10.0.0.1", ",,, ,", "10.0.0.1"),
        ("192.0.2.1", "192.0.2.7", "192.0.2.1"),
        ("", "192.0.2.7", ""),
    ],
)
def test_the_client_is_the_last_that_a_proxy_vouches_for(
    peer: str, forwarded: str, client: str
) -> None:
    assert settled(peer, FOR=forwarded)["REMOTE_ADDR"] == client


def test_scheme_and_host_are_the_outermost_trusted_proxys() -> None:
    environ = settled(
        "10.0.0.1", FOR="192.0.2.7, 10.0.0.2", PROTO="https, http", HOST="dav.example, inner"
    )
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["HTTP_HOST"] == "dav.example"
    environ = settled("10.0.0.1", FOR="192.0.2.7", PROTO="javascript, https", HOST="evil, good")
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["HTTP_HOST"] == "good"
    assert settled("10.0.0.1", PROTO="javascript")["wsgi.url_scheme"] == "http"


@pytest.mark.parametrize("proxied", [PROXIES, Proxied()])
def test_a_strangers_word_does_not_exist(proxied: Proxied) -> None:
    environ = settled("192.0.2.1", proxied, FOR="10.0.0.1", PROTO="https", HOST="evil")
    assert environ["REMOTE_ADDR"] == "192.0.2.1"
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["HTTP_HOST"] == "inner:8080"
    assert not [key for key in environ if "FORWARDED" in key]


@pytest.mark.parametrize(
    ("path", "below"),
    [("/dav/a", "/a"), ("/dav", "/"), ("/dav/", "/"), ("/davs", "/davs"), ("/a/dav", "/a/dav")],
)
def test_a_prefix_is_taken_off_whole(path: str, below: str) -> None:
    assert without("/dav", path) == below
    assert without("", path) == path


def test_lines_that_several_proxies_have_added_are_one_list(
    sim: Simulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """HAProxy's `option forwardfor` adds a line where another proxy has put one before."""
    with serving(
        sim, tmp_path, accounts=("realdebrid",), user="anna", password="a secret word",
        server={"proxies": ["127.0.0.1", "192.0.2.0/24"]},
    ) as served:  # fmt: skip
        address = urlsplit(served.url)
        head = (
            f"GET / HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
            "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 192.0.2.10\r\n"
            "Authorization: Basic eDp5\r\n\r\n"
        )
        with socket.create_connection((address.hostname, address.port), 20) as client:
            client.sendall(head.encode())
            assert b" 401 " in client.recv(100)
    assert "user 'x' from 203.0.113.7" in caplog.text
