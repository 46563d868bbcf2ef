"""Outward HTTP against a local server: retries, decoding, pacing, and where it may not go."""

import logging
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from pyrate_limiter import Rate

from davstore.errors import (
    AccountProblem,
    Gone,
    NotAuthorized,
    QuotaExhausted,
    RateLimited,
    Refused,
    StoreError,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.transport import NotAllowed, Reach, Session, Transport, api, decoded
from tests.answering import Answer, Answering, answering

PUBLIC = "https://93.184.216.34/api"
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


Open = Callable[..., Transport]


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


def test_a_failure_that_may_pass_is_tried_again_ever_later(
    server: Answering, open_: Open, naps: list[float]
) -> None:
    server.will(Answer(status=503), Answer(b"", 502), Answer(b"", 200), Answer())
    assert open_().get("/x").body == {"ok": True}
    assert naps == [0.5, 1.0, 2.0]


def test_tries_come_to_an_end(server: Answering, open_: Open) -> None:
    server.will(Answer(status=500))
    with pytest.raises(StoreUnavailable):
        open_().get("/x")
    assert len(server.requests) == api.TRIES


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, UnexpectedReply),
        (401, NotAuthorized),
        (402, AccountProblem),
        (403, AccountProblem),
        (404, Gone),
        (410, Gone),
        (451, Refused),
        (509, QuotaExhausted),
    ],
)
def test_what_another_try_cannot_help_is_not_tried_again(
    server: Answering, open_: Open, status: int, kind: type[StoreError]
) -> None:
    server.will(Answer(status=status))
    with pytest.raises(kind) as caught:
        open_().get("/x")
    assert caught.value.account == "sintel"
    assert len(server.requests) == 1


def test_a_short_wait_that_is_asked_for_is_waited(
    server: Answering, open_: Open, naps: list[float]
) -> None:
    server.will(Answer(status=503, headers={"Retry-After": "7"}), Answer())
    open_().get("/x")
    assert naps == [7.0]


def test_too_many_requests_are_followed_by_fewer(
    server: Answering, open_: Open, naps: list[float]
) -> None:
    server.will(Answer(b"", 429), Answer(b"", 447), Answer())
    open_().get("/x")
    assert naps == [2.0, 4.0]


def test_after_a_long_wait_was_asked_for_nothing_is_sent_until_it_is_over(
    server: Answering, open_: Open
) -> None:
    clock = [1000.0]
    transport = open_(now=lambda: clock[0])
    server.will(Answer(status=429, headers={"Retry-After": "60"}), Answer())
    for elapsed, left in ((0.0, 60.0), (35.0, 25.0)):
        clock[0] = 1000.0 + elapsed
        with pytest.raises(RateLimited) as caught:
            transport.get("/x")
        assert caught.value.retry_after == left
    assert len(server.requests) == 1
    clock[0] = 1061.0
    assert transport.get("/x").body == {"ok": True}


def test_a_wait_may_be_told_as_a_date(server: Answering, open_: Open) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    server.will(Answer(status=503, headers={"Retry-After": date}))
    with pytest.raises(StoreUnavailable) as caught:
        open_().get("/x")
    assert caught.value.retry_after == pytest.approx(300, abs=5)


@pytest.mark.parametrize("value", ["soon", "inf", "nan", "-5", "Mon, 99 Foo 2026"])
def test_a_wait_that_makes_no_sense_is_none(server: Answering, open_: Open, value: str) -> None:
    server.will(Answer(status=401, headers={"Retry-After": value}))
    with pytest.raises(NotAuthorized) as caught:
        open_().get("/x")
    assert caught.value.retry_after in (None, 0.0)


def test_the_services_own_word_counts_more_than_its_status(server: Answering, open_: Open) -> None:
    server.will(Answer(b'{"error": 1}'))
    complaint = lambda body: Gone("sintel", "gone") if "error" in body else None  # noqa: E731
    with pytest.raises(Gone):
        open_(complaint=complaint).get("/x")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"", None),
        (b"  \n", None),
        (b"\xef\xbb\xbf[1]", [1]),
        (b'reconnect{"a": [1]}', {"a": [1]}),
        (b"Warning: x\n[1, 2]", [1, 2]),
        (b'{\n\t"error": "x"\n}', {"error": "x"}),
        (b'["\\ud83c\\udfac", "\\ud83c."]', ["\N{CLAPPER BOARD}", "\N{REPLACEMENT CHARACTER}."]),
        (b'"caf\xe9"', "caf\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_json_is_found_whatever_surrounds_it(text: bytes, value: object) -> None:
    assert decoded(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"<!doctype html><p>{}", "HTML"),
        (b'{"data": [1, 2', "broken JSON"),
        (b"Unauthorized", "text"),
        (b"oops {not json", "text"),
        (b"[" * 200_000, "broken JSON"),
    ],
)
def test_what_is_no_json_is_named_and_not_quoted(text: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        decoded(text)
    assert text.decode()[:12] not in str(caught.value)


def test_html_is_an_unexpected_reply(server: Answering, open_: Open) -> None:
    server.will(Answer(b"<html>hello</html>"))
    with pytest.raises(UnexpectedReply, match="HTML"):
        open_().get("/x")


def test_html_that_fails_is_what_its_status_says(server: Answering, open_: Open) -> None:
    server.will(Answer(b"<html>gateway</html>", 502))
    with pytest.raises(StoreUnavailable, match="502"):
        open_().get("/x")


def test_no_content_is_an_empty_reply_and_no_failure(server: Answering, open_: Open) -> None:
    server.will(Answer(b"", 204))
    reply = open_().get("/x")
    assert reply.empty
    assert reply.body is None


def test_a_reply_cut_short_is_no_reply(server: Answering, open_: Open, naps: list[float]) -> None:
    server.will(Answer(b'{"a": 1}', promised=500), Answer())
    assert open_().get("/x").body == {"ok": True}
    assert naps


def test_a_reply_beyond_all_measure_is_not_read(
    server: Answering, open_: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MAX_BODY", 1000)
    server.will(Answer(b"[" + b"1," * 1000 + b"1]"))
    with pytest.raises(UnexpectedReply, match="longer"):
        open_().get("/x")


def test_silence_is_not_waited_for_without_end(naps: list[float]) -> None:
    with answering() as server:
        server.will(Answer(b"", promised=10))  # promised, and then the connection just ends
        transport = Transport("sintel", server.url, timeouts=(1, 0.05), sleep=naps.append)
        with pytest.raises(StoreUnavailable):
            transport.get("/x")
        transport.close()


def test_a_service_that_is_not_there_is_unavailable(open_: Open) -> None:
    with pytest.raises(StoreUnavailable, match="refused"):
        open_("http://127.0.0.1:1").get("/x")


def test_an_unknown_host_name_is_said(open_: Open) -> None:
    with pytest.raises(StoreUnavailable, match="host name is not known"):
        open_("http://nothing.invalid").get("/x")


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
    assert isinstance(caught.value, NotAllowed)
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


def test_calls_are_paced(open_: Open) -> None:
    transport = open_(rates=[Rate(5, 200)])
    began = time.monotonic()
    for _ in range(11):
        transport.get("/x", urgent=True)
    assert time.monotonic() - began > 0.38


def test_background_work_leaves_room_for_people(open_: Open) -> None:
    transport = open_(rates=[Rate(4, 60_000)])
    for _ in range(3):
        transport.get("/x")
    transport.get("/x", urgent=True)  # a fourth one in the background would wait for a minute


def test_the_log_tells_the_call_and_no_secret(
    server: Answering, open_: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "davstore")
    server.will(Answer(b"SECRET", 503))
    with pytest.raises(StoreUnavailable) as caught:
        open_().get("/magnets/SECRETSECRETSECRET", {"link": "SECRET"})
    assert "/magnets/" in caplog.text.replace("magnets", "/magnets")
    assert "503" in caplog.text
    assert "SECRET" not in caplog.text + str(caught.value) + repr(caught.value)


def test_a_transport_can_be_closed_twice(open_: Open) -> None:
    transport = open_(rates=[Rate(5, 1000)])
    transport.close()
    transport.close()
