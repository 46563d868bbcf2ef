"""Every kind of hook against a server that speaks its API."""

import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from standardwebhooks import Webhook as Verifying
from standardwebhooks import WebhookVerificationError

from davstore.errors import HookError
from davstore.hook_settings import KINDS
from davstore.hooks import Message, Receiver, receiver
from davstore.hooks.paths import mapped
from davstore.model import Change, Was
from tests.hooks import receivers
from tests.hooks.receivers import TOKEN, Told, running
from tests.serving import wait_until

FILM = Change("/mnt/media/Movies/Sintel (2010)", Was.ADDED)
GONE = Change("/mnt/media/Shows/Caminandes (2013)/Season 01", Was.REMOVED)
MAP = {"/Movies": "/mnt/media/Movies", "/Shows": "/mnt/media/Shows"}


def made(kind: str, **settings: Any) -> Receiver:
    return receiver(KINDS[kind].model_validate({"kind": kind, **settings}))


def tell(told: Receiver, *changes: Change) -> None:
    try:
        told.tell(Message("an-id", 1_800_000_000.0, changes))
    finally:
        told.close()


@pytest.fixture(params=["plex", "jellyfin", "emby", "webhook"])
def any_server(request: pytest.FixtureRequest) -> Iterator[tuple[Told, Receiver]]:
    """Each kind that is told over HTTP, and its server."""
    kind = request.param
    server = {"plex": receivers.Plex, "jellyfin": receivers.Jellyfin, "emby": receivers.Emby,
              "webhook": receivers.Taking}[kind]  # fmt: skip
    with running(server) as told:
        url = told.url + ("/emby" if kind == "emby" else "")
        extra = {} if kind == "webhook" else {"token": TOKEN, "map": MAP}
        yield told, made(kind, url=url, **extra)


def test_plex_scans_the_changed_folder_of_the_right_library() -> None:
    with running(receivers.Plex) as told:
        tell(made("plex", url=told.url, token=TOKEN, map=MAP), FILM)
    scan = urlsplit(told.paths()[-1])
    assert scan.path == "/library/sections/1/refresh"
    assert parse_qs(scan.query) == {"path": [FILM.path]}


def test_plex_scans_the_folder_above_what_has_gone_and_each_only_once() -> None:
    inside = Change("/mnt/media/Shows/Caminandes (2013)/Season 02", Was.CHANGED)
    elsewhere = Change("/mnt/nowhere/x", Was.CHANGED)
    with running(receivers.Plex) as told:
        tell(made("plex", url=told.url, token=TOKEN, map=MAP), GONE, inside, elsewhere)
    scans = [parse_qs(urlsplit(path).query)["path"] for path in told.paths()[1:]]
    assert scans == [["/mnt/media/Shows/Caminandes (2013)"]]


def test_plex_is_told_of_a_library_whose_folder_is_below_what_changed() -> None:
    with running(receivers.Plex) as told:
        tell(made("plex", url=told.url, token=TOKEN, map=MAP), Change("/mnt/media", Was.CHANGED))
    assert sorted(urlsplit(path).path for path in told.paths()[1:]) == [
        "/library/sections/1/refresh", "/library/sections/2/refresh",
    ]  # fmt: skip


def test_a_folder_that_no_library_of_plex_has_is_named_by_the_test() -> None:
    wrong = {"/Movies": "/data/Movies"}
    with running(receivers.Plex) as told, pytest.raises(HookError, match="'/data/Movies'; it has"):
        made("plex", url=told.url, token=TOKEN, map=wrong).test()


@pytest.mark.parametrize(("kind", "server"), [("jellyfin", receivers.Jellyfin),
                                              ("emby", receivers.Emby)])  # fmt: skip
def test_jellyfin_and_emby_are_told_all_paths_at_once(
    kind: str, server: type[receivers.Answering]
) -> None:
    with running(server) as told:
        url = told.url + ("/emby" if kind == "emby" else "")
        tell(made(kind, url=url, token=TOKEN, map=MAP), FILM, GONE)
    [(_, _, body, _)] = told.calls
    assert json.loads(body) == {"Updates": [
        {"Path": FILM.path, "UpdateType": "Created"},
        {"Path": GONE.path, "UpdateType": "Deleted"},
    ]}  # fmt: skip


def test_any_library_of_standard_webhooks_verifies_ours() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    with running(receivers.Taking) as told:
        told_now = made("webhook", url=f"{told.url}/hook?room=1", secret=secret)
        told_now.test()
    [(method, path, body, headers)] = told.calls
    assert (method, path) == ("POST", "/hook?room=1")
    small = {name.lower(): value for name, value in headers.items()}
    assert Verifying(secret).verify(body, small)["type"] == "test"
    with pytest.raises(WebhookVerificationError):
        Verifying(secret).verify(body.replace(b"test", b"tests"), small)


def test_a_webhook_without_a_secret_is_not_signed() -> None:
    with running(receivers.Taking) as told:
        tell(made("webhook", url=told.url), FILM)
    [(_, _, body, headers)] = told.calls
    assert "webhook-signature" not in headers
    assert headers["webhook-id"] == "an-id"
    assert json.loads(body)["data"]["changes"] == [{"path": FILM.path, "was": "added"}]


def test_every_server_says_that_it_answers(any_server: tuple[Told, Receiver]) -> None:
    assert any_server[1].test()


@pytest.mark.parametrize("status", [301, 401, 403, 404, 500, 503])
def test_no_answer_but_success_counts_as_told(
    any_server: tuple[Told, Receiver], status: int
) -> None:
    told, made_ = any_server
    told.status = status
    with pytest.raises(HookError) as caught:
        tell(made_, FILM)
    assert TOKEN not in str(caught.value)
    assert told.url not in str(caught.value)
    assert str(status) in str(caught.value)


@pytest.mark.parametrize("kind", ["plex", "jellyfin", "emby", "rclone"])
def test_a_server_of_another_kind_is_found_out(kind: str) -> None:
    with running(receivers.Taking) as told:
        extra: dict[str, Any] = {} if kind == "rclone" else {"token": TOKEN, "map": MAP}
        with pytest.raises(HookError, match="check its url"):
            made(kind, url=told.url, **extra).test()


@pytest.mark.parametrize("body", [None, [], {}, {"result": ["OK"]}, {"result": "OK"}, 1, "OK"])
def test_an_answer_of_another_shape_is_no_success(body: Any) -> None:
    def answer(handler: receivers.Answering, _: Any) -> None:
        handler.answer(200, body)

    odd = type("Odd", (receivers.Answering,), {"handle_one": answer})
    with running(odd) as told, pytest.raises(HookError, match="not as rclone does"):
        tell(made("rclone", url=told.url, method="refresh"), FILM)


def test_a_secret_that_only_looks_like_base64_is_taken_as_it_is() -> None:
    with running(receivers.Taking) as told:
        tell(made("webhook", url=told.url, secret="whsec_grüße-aus-hamburg"), FILM)
    assert len(told.calls) == 1


def test_one_that_is_away_is_said_to_be() -> None:
    with running(receivers.Taking) as told:
        pass
    with pytest.raises(HookError, match="cannot be reached"):
        tell(made("webhook", url=told.url), FILM)


def program(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "told.py"
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return sys.executable, str(path), str(folder / "heard")


def test_a_program_reads_the_changes_from_its_standard_input(tmp_path: Path) -> None:
    writes = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    tell(made("command", command=program(tmp_path, writes)), FILM)
    heard = json.loads((tmp_path / "heard").read_text())
    assert heard["type"] == "folders.changed"
    assert heard["data"]["changes"] == [{"path": FILM.path, "was": "added"}]


def test_a_program_has_ended_though_one_that_it_began_goes_on(tmp_path: Path) -> None:
    begins = "import subprocess; subprocess.Popen(['sleep', '30'])"
    tell(made("command", command=program(tmp_path, begins), timeout=10), FILM)


def test_a_program_that_hangs_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    hangs = """
import subprocess, sys
child = subprocess.Popen(["sleep", "60"])
open(sys.argv[1], "w").write(str(child.pid))
child.wait()
"""
    with pytest.raises(HookError, match="did not end within 2 s"):
        tell(made("command", command=program(tmp_path, hangs), timeout=2), FILM)
    child = Path("/proc", (tmp_path / "heard").read_text(), "status")
    wait_until(lambda: not child.exists() or "State:\tZ" in child.read_text())


def test_a_program_may_say_more_than_anybody_keeps(tmp_path: Path) -> None:
    talks = "import sys; sys.stderr.write('x' * 10_000_000 + '\\nno room'); sys.exit(3)"
    with pytest.raises(HookError, match=r"status 3: no room$"):
        tell(made("command", command=program(tmp_path, talks), timeout=10), FILM)


def test_a_program_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(HookError, match="no such file or directory"):
        tell(made("command", command=[str(tmp_path / "none")]), FILM)


@pytest.mark.parametrize(("folders", "path", "theirs"), [
    ({}, "/Movies/Sintel", ["/Movies/Sintel"]),
    ({"/": "/mnt/dav"}, "/Movies/Sintel", ["/mnt/dav/Movies/Sintel"]),
    ({"/": "/"}, "/Movies", ["/Movies"]),
    ({"/Movies/": "/films/"}, "/Movies/Sintel", ["/films/Sintel"]),
    ({"/Movies": "/films", "/": "/all"}, "/Movies/Sintel", ["/films/Sintel"]),
    ({"/Movies": "/films"}, "/Movies2/Sintel", []),
    ({"/Movies/Sintel": "/one"}, "/Movies", ["/one"]),
    ({"/Movies": "D:\\Media"}, "/Movies/Sintel/Extras", ["D:\\Media\\Sintel\\Extras"]),
])  # fmt: skip
def test_our_paths_become_theirs(folders: dict[str, str], path: str, theirs: list[str]) -> None:
    hook = KINDS["webhook"].model_validate(
        {"kind": "webhook", "url": "http://127.0.0.1", "map": folders}
    )
    assert [c.path for c in mapped([Change(path, Was.CHANGED)], hook.map)] == theirs
