"""What answers a request again says what answering it from scratch would say, or nothing."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import bcrypt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from davstore.dav import Site, Users
from davstore.dav.http.transfer import AGAIN, OFFER, TRANSFER, Again, Answer, Request, Transfer
from davstore.model import Entry, Folder, Snapshot
from tests.dav.shelves import ADDED, RCLONE, Shelf, Untouchable, folder, leaf, never_opened

SEASON = folder("Sintel & more é", [leaf(f"Sintel.E{n:02d} 50%.mkv") for n in range(8)])
MANY = folder("many", [leaf(f"{n}.iso") for n in range(100)])
EMPTY = folder("empty", [leaf("nothing.txt", 0), leaf("unknown.bin", None)])
SHELF = Shelf(SEASON, MANY, EMPTY)

PLACES = (
    "/", "/acc", "/acc/", "/acc/magnets/", "/acc/magnets", "/later/", "/nowhere", "/acc/nothing",
    "/acc/magnets/many/", "/acc/magnets/many/7.iso", "/acc/magnets/many/7.iso/",
    "/acc/magnets/empty/nothing.txt", "/acc/magnets/empty/unknown.bin", "//acc/magnets/",
    "/acc/./magnets/", "/acc/magnets/../magnets/", "/acc/%6dagnets/", "/acc%2Fmagnets/",
    "/acc/%2e%2e/acc", "/acc/magnets?m3u", "/acc/%FF", "/acc/%00", "/acc/magnets/%zz", "*",
    quote("/acc/magnets/Sintel & more é/"), quote("/acc/magnets/Sintel & more é"),
    quote("/acc/magnets/Sintel & more é/Sintel.E03 50%.mkv"),
    "/acc/magnets/Sintel%20&%20more%20%C3%A9/",
)  # fmt: skip
HEADERS: tuple[Mapping[str, str], ...] = (
    {"Depth": "0"}, {"Depth": "1"}, {"Depth": "1", "Accept-Encoding": "gzip"},
    {"Depth": "1,noroot"},
    {"Depth": "infinity"}, {"Depth": "x"}, {}, {"If-None-Match": "*"}, {"If-Match": '"other"'},
)  # fmt: skip
RANGES = (None, "bytes=0-9", "bytes=5-", "bytes=-3", "bytes=5000-", "bytes=1-2,5-6", "x")
BODIES = (
    b"", RCLONE, b'<propfind xmlns="DAV:"><propname/></propfind>', b"<a/>", b"no xml",
)  # fmt: skip


def asked(
    site: Site, method: str, request: Request, headers: Mapping[str, str]
) -> tuple[Answer | Transfer, Again | None]:
    """The answer from scratch, and what answers it again."""
    path, _, query = request.target.partition("?")
    environ = EnvironBuilder(
        "/", method=method, data=request.body, headers=[*headers.items()]
    ).get_environ()
    environ["PATH_INFO"] = _unquoted(path if path.startswith("/") else f"/{path}")
    environ |= {"QUERY_STRING": query, "REQUEST_URI": request.target, OFFER: True}
    if request.range is not None:
        environ["HTTP_RANGE"] = request.range
    said: list[Any] = []

    def start_response(*begun: Any) -> Any:
        said.extend(begun)

    parts = tuple(site(environ, start_response))
    return environ.get(TRANSFER) or Answer(said[0], said[1], parts), environ.get(AGAIN)


def _unquoted(path: str) -> str:
    """As cheroot does it."""
    atoms = path.replace("%2f", "%2F").split("%2F")
    return "%2F".join(unquote_to_bytes(atom).decode("latin-1") for atom in atoms)


def plain(answer: Answer | Transfer | None) -> Any:
    """All of an answer that does not hang on the moment, or on how its bytes are cut."""
    if answer is None:
        return None
    headers = {name: value for name, value in answer.headers if name != "Date"}
    if isinstance(answer, Transfer):
        return answer.status, headers, answer.leaf, answer.start, answer.end
    return answer.status, headers, b"".join(answer.parts)


@given(
    method=st.sampled_from(("PROPFIND", "HEAD", "OPTIONS", "GET")),
    first=st.sampled_from(PLACES),
    then=st.sampled_from(PLACES),
    headers=st.sampled_from(HEADERS),
    range_=st.sampled_from(RANGES),
    body=st.sampled_from(BODIES),
)
@example(
    method="HEAD", first="/acc/", then="/acc/magnets/many/7.iso", headers={"If-Match": '"other"'},
    range_=None, body=b"",
)  # fmt: skip
def test_it_says_what_would_be_said_from_scratch_or_nothing(
    method: str, first: str, then: str, headers: Mapping[str, str], range_: str | None, body: bytes
) -> None:
    site = SHELF.application
    if method == "GET" and first.endswith("unknown.bin"):
        first = "/acc/magnets/many/7.iso"  # the other would ask its host
    _, again = asked(site, method, Request(first, None, body), headers)
    if again is None:
        return
    request = Request(then, range_, body)
    repeated = again(request)
    if repeated is not None:
        assert plain(repeated) == plain(asked(site, method, request, headers)[0])


@pytest.mark.parametrize("method", ["PROPFIND", "HEAD", "OPTIONS", "GET"])
def test_what_is_at_hand_is_answered_again(method: str) -> None:
    site, first = SHELF.application, Request("/acc/magnets/many/7.iso")
    _, again = asked(site, method, first, {"Depth": "1"})
    assert again is not None
    target = quote("/acc/magnets/Sintel & more é/Sintel.E03 50%.mkv")
    assert again(Request(target)) is not None


def test_a_large_folder_is_listed_again_only_once_it_has_been_listed() -> None:
    shelf = Shelf(SEASON, MANY)
    _, again = asked(shelf.application, "PROPFIND", Request("/acc/magnets/"), {"Depth": "1"})
    assert again is not None
    many = Request("/acc/magnets/many/")
    assert again(many) is None
    answer, _ = asked(shelf.application, "PROPFIND", many, {"Depth": "1"})
    assert plain(again(many)) == plain(answer)
    shelf.put(folder("many", [leaf(f"{n}.iso") for n in range(101)]))
    assert again(many) is None


class _OnDisk(Untouchable):
    is_at_hand = False


def test_what_is_not_in_memory_is_left_to_who_may_wait() -> None:
    shelf = Shelf(SEASON, Folder("far", _OnDisk(), ADDED))
    for method in ("PROPFIND", "HEAD", "GET"):
        path = "/acc/magnets/Sintel%20&%20more%20%C3%A9/Sintel.E03%2050%25.mkv"
        _, again = asked(shelf.application, method, Request(path), {"Depth": "1"})
        assert again is not None
        assert again(Request(path)) is not None
        assert again(Request("/acc/magnets/far/")) is None
        assert again(Request("/acc/magnets/far/a.mkv")) is None


def _site(users: Path) -> Site:
    entries: dict[str, Entry] = {SEASON.name: SEASON}
    snapshot = Snapshot("acc", Folder("magnets", MappingProxyType(entries), ADDED), ADDED)
    return Site(["acc"], lambda _: snapshot, never_opened, Users((), users))


def _htpasswd(name: str, password: str) -> str:
    return f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n"


def test_a_login_that_holds_no_longer_is_not_taken_for_one(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text(_htpasswd("ann", "one"))
    headers = {"Depth": "1", "Authorization": "Basic YW5uOm9uZQ=="}
    _, again = asked(_site(file), "PROPFIND", Request("/acc/"), headers)
    assert again is not None
    assert again(Request("/acc/")) is not None
    file.write_text(_htpasswd("ann", "another") + _htpasswd("bob", "two"))
    assert again(Request("/acc/")) is None


def test_who_is_refused_gets_nothing_again(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text(_htpasswd("ann", "one"))
    for headers in ({}, {"Authorization": "Basic YW5uOnR3bw=="}, {"Authorization": "Bearer x"}):
        answer, again = asked(_site(file), "PROPFIND", Request("/acc/"), {"Depth": "1", **headers})
        assert answer.status.startswith("401")
        assert again is None
