"""TLS towards clients: what it costs others when one is rude, renewed certificates, the end."""

import contextlib
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from typer.testing import CliRunner

from davstore.cli.main import app
from davstore.server import conversation
from davstore.server.certificate import Certificate, CertificateProblem
from davstore.server.self_signed import SelfSigned
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.conftest import Certified, issued
from tests.serving import Serving, serving, wait_until

SIZE = 40_000_000
CONTENT = Content.random("debian", SIZE)
PATH = "/alldebrid/magnets/debian/debian.iso"


@pytest.fixture
def own(tmp_path: Path) -> Certified:
    """A certificate that a test may replace."""
    return issued(tmp_path)


@pytest.fixture
def secure(sim: Simulator, tmp_path: Path, own: Certified) -> Iterator[Serving]:
    sim.alldebrid.add(SimMagnet("debian", files=[SimFile("debian.iso", CONTENT)]))
    with serving(sim, tmp_path, accounts=("alldebrid",), server=own.settings) as running:
        running.session.verify = str(own.authority)
        wait_until(lambda: running.request("HEAD", PATH).status_code == 200)
        yield running


def raw(served: Serving) -> socket.socket:
    place = urlsplit(served.url)
    return socket.create_connection((place.hostname, place.port), 20)


def greeted(served: Serving, authority: Path) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=authority)
    return context.wrap_socket(raw(served), server_hostname="127.0.0.1")


def test_a_whole_file_arrives_bytewise(secure: Serving) -> None:
    body = secure.get(PATH).content
    assert hashlib.sha256(body).digest() == hashlib.sha256(CONTENT.read(0, SIZE)).digest()


def test_the_url_and_the_pages_say_https(secure: Serving) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    playlist = secure.get("/alldebrid/magnets/?m3u").text
    assert "http://" not in playlist


def test_a_client_that_reads_slowly_gets_all_to_the_last_byte(
    secure: Serving, own: Certified
) -> None:
    with greeted(secure, own.authority) as client:
        client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        got = bytearray()
        while data := client.recv(8192):
            got += data
    assert bytes(got).partition(b"\r\n\r\n")[2] == CONTENT.read(0, SIZE)


def test_the_end_is_said_so_that_nobody_takes_a_cut_for_it(secure: Serving, own: Certified) -> None:
    with greeted(secure, own.authority) as client:
        client.suppress_ragged_eofs = False  # type: ignore[attr-defined]
        client.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while client.recv(4096):
            pass  # a connection that is merely closed raises


@pytest.mark.parametrize("sent", [b"", b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HT"])
def test_a_client_may_say_goodbye_at_any_time(secure: Serving, own: Certified, sent: bytes) -> None:
    with greeted(secure, own.authority) as client:
        client.sendall(sent)
        if sent.endswith(b"\r\n\r\n"):
            assert client.recv(12) == b"HTTP/1.1 404"
        with contextlib.suppress(OSError):
            client.unwrap()
    assert secure.request("HEAD", PATH).status_code == 200


def test_a_client_that_says_goodbye_in_the_middle_of_a_file_is_let_go(
    secure: Serving, sim: Simulator, own: Certified
) -> None:
    with greeted(secure, own.authority) as client:
        client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        with contextlib.suppress(OSError):
            client.unwrap()
    wait_until(lambda: sim.host.open_transfers == 0)
    assert secure.request("HEAD", PATH).status_code == 200


def test_silence_in_the_greeting_holds_up_nobody_and_ends(
    secure: Serving, own: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "HANDSHAKE_SECONDS", 0.3)
    silent = [raw(secure) for _ in range(50)]
    silent[0].sendall(b"\x16\x03\x01")
    assert secure.request("PROPFIND", "/", headers={"Depth": "0"}).status_code == 207
    for client in silent:
        assert client.recv(1) == b""
        client.close()


def test_a_client_without_tls_is_told(secure: Serving) -> None:
    with raw(secure) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b""
        while data := client.recv(4096):
            said += data
    assert b"400 This port speaks https" in said


def test_rubbish_instead_of_a_greeting_is_hung_up_on(secure: Serving) -> None:
    with raw(secure) as client:
        client.sendall(bytes(range(256)) * 40)
        try:
            while client.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert secure.request("HEAD", PATH).status_code == 200


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_protocols_are_refused(secure: Serving, own: Certified) -> None:
    context = ssl.create_default_context(cafile=own.authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with raw(secure) as client, pytest.raises(ssl.SSLError):
        context.wrap_socket(client, server_hostname="127.0.0.1")


def test_a_renewed_certificate_is_used_from_the_next_connection_on(
    secure: Serving, own: Certified, tmp_path: Path
) -> None:
    old = greeted(secure, own.authority)
    before = old.getpeercert(binary_form=True)
    (tmp_path / "new").mkdir()
    renewed = issued(tmp_path / "new")
    own.certificate.write_bytes(renewed.certificate.read_bytes())
    with greeted(secure, own.authority) as between:  # its key is not there yet
        assert between.getpeercert(binary_form=True) == before
    own.key.write_bytes(renewed.key.read_bytes())
    with greeted(secure, renewed.authority) as after:
        assert after.getpeercert(binary_form=True) != before
    old.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
    assert old.recv(12) == b"HTTP/1.1 404"
    old.close()


def test_many_clients_at_once_are_served_right(secure: Serving, own: Certified) -> None:
    failures: list[int] = []

    def read(number: int) -> None:
        start = number * 1_000_000
        with greeted(secure, own.authority) as client:
            asked = f"Range: bytes={start}-{start + 999_999}\r\nConnection: close\r\n"
            client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n{asked}\r\n".encode())
            got = bytearray()
            while data := client.recv(100_000):
                got += data
        if bytes(got).partition(b"\r\n\r\n")[2] != CONTENT.read(start, 1_000_000):
            failures.append(number)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(("written", "said"), [("", "holds no"), (None, "No such file")])
def test_what_cannot_be_used_is_said(tmp_path: Path, written: str | None, said: str) -> None:
    file = tmp_path / "cert.pem"
    if written is not None:
        file.write_text(written)
    with pytest.raises(CertificateProblem, match=said):
        Certificate(file, None)


def test_a_key_of_another_is_said(tmp_path: Path, own: Certified) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(CertificateProblem, match="another"):
        Certificate(own.certificate, issued(tmp_path / "other").key)


def test_a_self_signed_certificate_is_right_for_its_names(sim: Simulator, tmp_path: Path) -> None:
    made = SelfSigned.made(["nas.lan", "127.0.0.1", "::1"], datetime.now(UTC))
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(made.certificate)
    key.write_bytes(made.key)
    server = {"tls_cert": str(certificate), "tls_key": str(key)}
    with serving(sim, tmp_path, accounts=("torz",), server=server) as running:
        running.session.verify = str(certificate)
        assert running.request("OPTIONS", "/").status_code == 200
        wrong = running.url.replace("127.0.0.1", "localhost")
        with pytest.raises(requests.exceptions.SSLError):
            requests.options(wrong, verify=str(certificate), timeout=10)


def test_the_command_writes_what_the_server_takes_and_replaces_nothing(tmp_path: Path) -> None:
    call = ["certificate", "nas.lan", "--folder", str(tmp_path)]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    files = [tmp_path / "certificate.pem", tmp_path / "certificate-key.pem"]
    assert all(f'"{file}"' in done.output for file in files)
    assert files[1].stat().st_mode & 0o077 == 0
    Certificate(*files).context()
    assert CliRunner().invoke(app, call).exit_code == 2
    before = files[0].read_bytes()
    assert CliRunner().invoke(app, [*call, "--replace"]).exit_code == 0
    assert files[0].read_bytes() != before
