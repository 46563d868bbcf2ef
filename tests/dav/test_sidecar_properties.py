"""What clients write about sidecars (dead properties, RFC 4918 section 4) is kept, and moves."""

from collections.abc import Iterator

import pytest
import requests

from davstore.config import Database
from davstore.simulator import Simulator
from tests.dav.test_overlaying import FILM, USERS, VIEWS, magnet
from tests.dav.writing import LOCK, WIN32, ask
from tests.serving import Serving, serving

HEAD = '<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" xmlns:q="urn:q">'
NFO = f"{FILM}/movie.nfo"
ODD = '<q:odd xml:lang="de" q:a="1&amp;2">100 % &lt;<deep xmlns="urn:deep">é</deep></q:odd>'


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, common_database: Database | None
) -> Iterator[Serving]:
    with Simulator() as sim:
        sim.realdebrid.add(magnet("Sintel (2010)", "Sintel.mkv", "Subs/de.srt"))
        state = tmp_path_factory.mktemp("state")
        with serving(
            sim, state, accounts=("realdebrid",), users=USERS[:3], views=VIEWS,
            changes={"realdebrid": {"delete": True}}, server={"overlay": True},
            database=common_database,
        ) as s:  # fmt: skip
            yield s


@pytest.fixture(autouse=True)
def nfo(served: Serving) -> Iterator[None]:
    assert ask(served, "PUT", NFO, b"<movie/>").status_code == 201
    yield
    ask(served, "DELETE", NFO)


def patch(served: Serving, path: str, *changes: str) -> requests.Response:
    body = f"{HEAD}{''.join(changes)}</D:propertyupdate>".encode()
    return ask(served, "PROPPATCH", path, body)


def put(*properties: str) -> str:
    return f"<D:set><D:prop>{''.join(properties)}</D:prop></D:set>"


def found(served: Serving, path: str, asked: str = "", depth: str = "0") -> str:
    body = f'<D:propfind xmlns:D="DAV:" xmlns:q="urn:q">{asked}</D:propfind>' if asked else ""
    answer = ask(served, "PROPFIND", path, body.encode(), Depth=depth)
    assert answer.status_code == 207
    return answer.text


def test_it_is_told_again_to_whoever_asks(served: Serving) -> None:
    assert (
        "200 OK" in patch(served, NFO, put(ODD, "<q:two>2</q:two>", "<bare xmlns=''>b</bare>")).text
    )
    for told in (found(served, NFO), found(served, f"{FILM}/", depth="1")):
        for part in ("100 % &lt;", ">é</", 'lang="de"', "1&amp;2", ">2</", ">b</bare>"):
            assert part in told
    named = found(served, NFO, "<D:prop><q:two/><q:three/><D:getetag/></D:prop>")
    assert ">2</" in named.partition("404 Not Found")[0]
    assert "three" in named.partition("200 OK")[2]
    assert "odd" not in named
    alone = found(served, NFO, "<D:prop><q:two/></D:prop>")
    assert "404" not in alone
    names = found(served, NFO, "<D:propname/>")
    assert 'two xmlns:w="urn:q"' in names
    assert ">2<" not in names
    video = found(served, f"{FILM}/Sintel.mkv", "<D:prop><q:two/></D:prop>")
    assert "200 OK" not in video


def test_what_windows_writes_is_told_again(served: Serving) -> None:
    assert ask(served, "PROPPATCH", NFO, WIN32).status_code == 207
    told = found(served, NFO)
    assert "00000020" in told
    assert "Win32LastAccessTime" in told
    assert "14 Nov 2023 22:13:20 GMT</D:getlastmodified>" in told


def test_it_changes_and_goes(served: Serving) -> None:
    patch(served, NFO, put("<q:two>2</q:two>", "<q:three>3</q:three>"))
    assert ask(served, "PUT", NFO, b"other").status_code == 204
    assert ">2</" in found(served, NFO), "it is said of the file, not of its content"
    changed = (
        put("<q:two>deux</q:two>") + "<D:remove><D:prop><q:three/><q:four/></D:prop></D:remove>"
    )
    assert "200 OK" in patch(served, NFO, changed).text
    assert ">deux</" in found(served, NFO)
    assert "three" not in found(served, NFO)
    ask(served, "DELETE", NFO)
    ask(served, "PUT", NFO, b"new")
    assert "deux" not in found(served, NFO)


def test_it_goes_along_where_the_file_goes(served: Serving) -> None:
    ask(served, "MKCOL", f"{FILM}/extra")
    assert "200 OK" in patch(served, f"{FILM}/extra/", put("<q:of>folder</q:of>")).text
    patch(served, NFO, put("<q:two>2</q:two>"))
    copied = ask(served, "COPY", NFO, Destination=f"{FILM}/extra/a.nfo")
    assert copied.status_code == 201
    moved = ask(served, "MOVE", f"{FILM}/extra", Destination=f"{FILM}/more")
    assert moved.status_code == 201
    told = found(served, f"{FILM}/more/", depth="1")
    assert ">folder</" in told
    assert ">2</" in told
    assert ">2</" in found(served, NFO)
    ask(served, "DELETE", f"{FILM}/more")


def test_what_is_davs_own_cannot_be_written_and_nothing_else_is_then(served: Serving) -> None:
    etag = ask(served, "HEAD", NFO).headers["ETag"]
    said = patch(served, NFO, put("<q:two>2</q:two>", "<D:getetag>x</D:getetag>"))
    assert said.status_code == 207
    assert "403 Forbidden" in said.text
    assert "424 Failed Dependency" in said.text
    assert "200 OK" not in said.text
    assert ">2</" not in found(served, NFO)
    assert ask(served, "HEAD", NFO).headers["ETag"] == etag
    assert patch(served, f"{FILM}/nothing.nfo", put("<q:a/>")).status_code in {403, 404}


def test_a_date_is_set_by_the_names_that_clients_know(served: Serving) -> None:
    for name in ("getlastmodified", "lastmodified"):
        moment = "1600000000" if name == "lastmodified" else "Sun, 13 Sep 2020 12:26:40 GMT"
        assert "200 OK" in patch(served, NFO, put(f"<D:{name}>{moment}</D:{name}>")).text
        assert "13 Sep 2020 12:26:40" in ask(served, "HEAD", NFO).headers["Last-Modified"]
        patch(served, NFO, put("<D:lastmodified>0</D:lastmodified>"))


def test_it_is_bounded(served: Serving) -> None:
    assert patch(served, NFO, put(f"<q:big>{'x' * 17_000}</q:big>")).status_code == 507
    assert "big" not in found(served, NFO)


def test_locks_are_told_to_who_asks(served: Serving) -> None:
    asked = "<D:prop><D:lockdiscovery/><D:supportedlock/><D:getetag/></D:prop>"
    assert "activelock" not in found(served, NFO, asked)
    token = ask(served, "LOCK", NFO, LOCK).headers["Lock-Token"]
    told = found(served, NFO, asked)
    assert token.strip("<>") in told
    assert ">anna</" in told, "who has it"
    assert "lockentry" in told
    assert " 404 " not in told
    assert ask(served, "UNLOCK", NFO, Lock_Token=token).status_code == 204
    assert "activelock" not in found(served, NFO, asked)
