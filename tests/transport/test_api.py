"""Calls to a service: retries, what a reply means, decoding, pacing."""

import logging
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
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
from davstore.transport import api, decoded
from tests.transport.answering import Answer, Answering
from tests.transport.conftest import Open


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


def test_silence_is_not_waited_for_without_end(open_: Open, naps: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(StoreUnavailable, match="timed out"):
            open_(url, timeouts=(1, 0.05)).get("/x")


def test_a_trickle_comes_to_an_end(
    server: Answering, open_: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "LONGEST_REPLY", -1.0)
    server.will(Answer(b"[1,", promised=100_000))
    with pytest.raises(StoreUnavailable, match="does not come to an end"):
        open_().get("/x")


def test_a_service_that_is_not_there_is_unavailable(open_: Open) -> None:
    with pytest.raises(StoreUnavailable, match="refused"):
        open_("http://127.0.0.1:1").get("/x")


def test_an_unknown_host_name_is_said(open_: Open) -> None:
    with pytest.raises(StoreUnavailable, match="host name is not known"):
        open_("http://nothing.invalid").get("/x")


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
    assert "GET magnets/… -> 503" in caplog.text
    assert "SECRET" not in caplog.text + str(caught.value) + repr(caught.value)


def test_a_transport_can_be_closed_twice(open_: Open) -> None:
    transport = open_(rates=[Rate(5, 1000)])
    transport.close()
    transport.close()


@pytest.mark.parametrize("address", ["http://[", "http://[1]/", "http://127.0.0.1:x/", "/\xff"])
def test_a_redirect_to_no_address_is_the_services_fault_not_the_logins(
    server: Answering, open_: Open, address: str
) -> None:
    server.redirect_to(address)
    with pytest.raises((UnexpectedReply, StoreUnavailable)):
        open_().get("/x")
