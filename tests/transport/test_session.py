"""Where requests go, and with what: logins, redirects, private addresses, certificates."""

import subprocess
from pathlib import Path

import pytest
import requests

from davstore.errors import StoreUnavailable
from davstore.transport import NotAllowed, Reach, Session, plain_reason
from davstore.transport.tls import api_context
from tests.transport.answering import Answer, Answering, answering
from tests.transport.conftest import SECRET, Open

PUBLIC = "https://93.184.216.34/api"


def test_a_login_goes_to_the_service(server: Answering, open_: Open) -> None:
    open_().get("/x")
    assert server.requests[0].headers["Authorization"] == "Bearer SECRET"
    assert server.requests[0].headers["User-Agent"].startswith("davstore/")


def test_a_login_stays_behind_when_a_redirect_leaves_the_host(
    server: Answering, other: Answering, open_: Open
) -> None:
    server.redirect_to(f"{other.url}/y")
    assert open_().get("/x").body == {"ok": True}
    assert "SECRET" not in str(other.requests)


def test_a_login_does_not_come_back_on_the_second_redirect(
    server: Answering, other: Answering, open_: Open
) -> None:
    server.redirect_to(f"{other.url}/y")
    other.will(Answer(b"", 302, {"Location": "/z"}), Answer())
    open_(secrets={**SECRET, "Cookie": "session=SECRET"}).get("/x")
    assert [request.path for request in other.requests] == ["/y", "/z"]
    assert "SECRET" not in str(other.requests)


def test_a_login_goes_along_on_the_same_host(server: Answering, open_: Open) -> None:
    server.will(Answer(b"", 302, {"Location": "/y"}), Answer())
    open_(secrets={**SECRET, "Cookie": "session=SECRET"}).get("/x")
    assert server.requests[1].headers["Authorization"] == "Bearer SECRET"
    assert server.requests[1].headers["Cookie"] == "session=SECRET"


def test_a_password_in_a_body_is_not_handed_to_another_host(
    server: Answering, other: Answering, open_: Open
) -> None:
    server.redirect_to(f"{other.url}/y", status=307)
    with pytest.raises(StoreUnavailable, match="another host"):
        open_().post("/x", json_body={"password": "SECRET"})
    assert not other.requests


def test_five_redirects_are_followed_and_no_more(server: Answering, open_: Open) -> None:
    server.will(*[Answer(b"", 302, {"Location": "/y"})] * 5, Answer())
    assert open_().get("/x").body == {"ok": True}
    server.redirect_to("/y")
    with pytest.raises(StoreUnavailable, match="redirects without end"):
        open_().get("/x", urgent=True)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://x/"])
def test_only_http_is_spoken(server: Answering, open_: Open, url: str) -> None:
    server.redirect_to(url)
    with pytest.raises(StoreUnavailable):
        open_().get("/x")


def test_cookies_are_not_kept(server: Answering, open_: Open) -> None:
    server.will(Answer(headers={"Set-Cookie": "crumb=1; Path=/"}))
    transport = open_()
    assert transport.get("/x").cookies == {"crumb": "1"}
    transport.get("/y")
    assert "Cookie" not in server.requests[1].headers


def test_netrc_is_not_read(
    server: Answering, open_: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login anna password SECRET\n")
    monkeypatch.setenv("NETRC", str(netrc))
    open_(secrets={}).get("/x")
    assert "Authorization" not in server.requests[0].headers


def test_a_proxy_from_the_environment_is_used(
    server: Answering, open_: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    open_("http://api.example").get("/x")
    assert server.requests[0].path == "http://api.example/x"


def link_session(base_url: str = PUBLIC) -> Session:
    return Session({}, may_reach=Reach(base_url).link)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_link_of_a_public_service_does_not_lead_into_the_house(
    server: Answering, host: str
) -> None:
    url = server.url.replace("127.0.0.1", host)
    with link_session() as session, pytest.raises(requests.RequestException) as caught:
        session.get(url, timeout=5)
    assert "private address" in plain_reason(caught.value)
    assert not server.requests


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:192.168.1.1]"])
def test_a_proxy_is_not_asked_for_private_addresses(
    server: Answering, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    with link_session() as session, pytest.raises(NotAllowed):
        session.get(f"http://{host}/", timeout=5)
    assert not server.requests


def test_a_link_of_a_private_service_may_stay_in_the_house(server: Answering) -> None:
    with link_session("http://127.0.0.1:3300") as session:
        assert session.get(server.url, timeout=5).json() == {"ok": True}


def test_the_owners_own_host_may_always_be_asked() -> None:
    reach = Reach("https://stremthru.example")
    assert reach.api("stremthru.example", "192.168.1.5")
    assert not reach.api("elsewhere.example", "192.168.1.5")
    assert reach.api("elsewhere.example", "93.184.216.34")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
               "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
               "-keyout", str(path), "-out", "-"]  # fmt: skip
    made = subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + made.stdout)
    return path


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_certificate_bundle_from_the_environment_is_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str, open_: Open
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(certificate))
    with answering(certificate) as server:
        assert open_(server.url).get("/x").body == {"ok": True}


def test_authorities_are_read_once_for_all_accounts(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, open_: Open
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    api_context.cache_clear()
    with answering(certificate) as server, answering(certificate) as other:
        for url in (server.url, other.url):
            open_(url).get("/x")
    assert api_context.cache_info().misses == 1


def test_a_certificate_that_nobody_signed_is_refused(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, open_: Open
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with (
        answering(certificate) as server,
        pytest.raises(StoreUnavailable, match="certificate is not trusted"),
    ):
        open_(server.url).get("/x")
    assert not server.requests
