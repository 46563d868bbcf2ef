"""What desktops write beside everything, and what the read-only tree says to who would write."""

from collections.abc import Iterator

import pytest

from davstore.config import Database
from davstore.dav.keeping.keeping import in_folder
from davstore.dav.tree.noise_names import is_noise
from davstore.dav.writing.noise import LARGEST, ROOM, Noise
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.dav.writing import LOCK, WIN32, ask, check_lock
from tests.serving import Serving, serving

FOLDER = "/realdebrid/magnets/Film"


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, common_database: Database | None
) -> Iterator[Serving]:
    with Simulator() as sim:
        files = [SimFile(name, Content.random(name, 500)) for name in ("film.mkv", "Thumbs.db")]
        sim.realdebrid.add(SimMagnet("Film", files=files))
        users = [{"name": name, "password": "p"} for name in ("anna", "berta")]
        with serving(
            sim, tmp_path_factory.mktemp("state"), accounts=("realdebrid",), users=users,
            database=common_database,
        ) as s:  # fmt: skip
            yield s


NAMES = ["._film.mkv", ".DS_Store", "desktop.ini", ".localized", "._."]


@pytest.mark.parametrize("name", NAMES)
def test_probes_find_nothing(served: Serving, name: str) -> None:
    for folder in ("", "/realdebrid", FOLDER):
        for method in ("PROPFIND", "GET", "HEAD"):
            assert ask(served, method, f"{folder}/{name}").status_code == 404


@pytest.mark.parametrize("folder", ["", "/realdebrid", FOLDER])
@pytest.mark.parametrize("name", [".metadata_never_index", ".ql_disablethumbnails"])
def test_macos_is_told_to_index_nothing(served: Serving, folder: str, name: str) -> None:
    path = f"{folder}/{name}"
    got = ask(served, "GET", path)
    assert (got.status_code, got.content, got.headers["Content-Length"]) == (200, b"", "0")
    assert ask(served, "HEAD", path).status_code == 200
    assert ask(served, "PROPFIND", path, Depth="0").status_code == 207
    assert name not in ask(served, "PROPFIND", f"{folder}/", Depth="1").text
    assert ask(served, "PUT", path, b"x").status_code == 201
    assert ask(served, "DELETE", path).status_code == 204
    for nowhere in ("/hidden", f"{FOLDER}/film.mkv"):
        assert ask(served, "GET", f"{nowhere}/{name}").status_code == 404


@pytest.mark.parametrize("folder", ["", FOLDER])
def test_what_is_written_is_there_for_who_wrote_it_alone(served: Serving, folder: str) -> None:
    path = f"{folder}/._note"
    assert ask(served, "PUT", path).status_code == 201
    locked = ask(served, "LOCK", path, LOCK, Depth="0", Timeout="Second-600")
    assert locked.status_code == 200
    token = locked.headers["Lock-Token"]
    assert ask(served, "PUT", path, b"theirs", who="berta").status_code == 201
    assert ask(served, "PUT", path, b"no token").status_code == 423
    assert ask(served, "PUT", path, b"mine", If=f"({token})").status_code == 204
    assert ask(served, "PROPPATCH", path, WIN32, If=f"({token})").status_code == 207
    refreshed = ask(served, "LOCK", path, If=f"({token})", Timeout="Second-600")
    assert refreshed.status_code == 200
    assert ask(served, "UNLOCK", path, Lock_Token=token).status_code == 204
    assert ask(served, "GET", path).content == b"mine"
    assert ask(served, "GET", path, Range="bytes=1-2").content == b"in"
    assert ask(served, "GET", path, who="berta").content == b"theirs"
    told = ask(served, "PROPFIND", path, Depth="0")
    assert "<D:getcontentlength>4</D:getcontentlength>" in told.text
    listed = ask(served, "PROPFIND", f"{folder}/", Depth="1").text
    assert "note" not in listed
    assert ask(served, "DELETE", path).status_code == 204
    assert ask(served, "GET", path).status_code == 404
    assert ask(served, "GET", path, who="berta").content == b"theirs"
    ask(served, "DELETE", path, who="berta")


def test_a_lock_may_come_first(served: Serving) -> None:
    path = f"{FOLDER}/.DS_Store"
    locked = ask(served, "LOCK", path, LOCK, Depth="0")
    assert locked.status_code == 201
    token = locked.headers["Lock-Token"]
    assert ask(served, "PUT", path, b"x", If=f"({token})").status_code == 204
    assert ask(served, "DELETE", path, If=f"({token})").status_code == 204


def test_a_real_file_of_such_a_name_is_the_file(served: Serving) -> None:
    path = f"{FOLDER}/Thumbs.db"
    assert len(ask(served, "GET", path).content) == 500
    assert ask(served, "PUT", path, b"x").status_code == 403
    assert ask(served, "DELETE", path).status_code == 403
    assert len(ask(served, "GET", path).content) == 500


def test_the_store_is_bounded(served: Serving, tmp_path) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    assert ask(served, "PUT", f"{FOLDER}/._big", bytes(LARGEST + 1)).status_code == 507
    noise = Noise(in_folder(tmp_path))
    for number in range(40):
        noise.put("anna", f"/._{number}", bytes(LARGEST // 2))
    used = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert used < ROOM + 2 * LARGEST
    assert noise.get("anna", "/._39") is not None
    noise.close()


@pytest.mark.parametrize("name", ["film.mkv", "notes.txt", "DS_Store", "_x", "thumbs.dbx"])
def test_other_names_are_no_noise(name: str) -> None:
    assert not is_noise(name)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", f"{FOLDER}/new.txt", 403),
        ("PUT", f"{FOLDER}/film.mkv", 403),
        ("PUT", FOLDER, 405),
        ("PUT", f"{FOLDER}/none/new.txt", 409),
        ("PUT", f"{FOLDER}/none/._new", 409),
        ("MKCOL", FOLDER, 405),
        ("MKCOL", f"{FOLDER}/new", 403),
        ("MKCOL", f"{FOLDER}/.Trashes", 403),
        ("MKCOL", f"{FOLDER}/none/new", 409),
        ("DELETE", FOLDER, 403),
        ("DELETE", f"{FOLDER}/film.mkv", 403),
        ("DELETE", f"{FOLDER}/none", 404),
        ("DELETE", f"{FOLDER}/._none", 404),
        ("MOVE", FOLDER, 403),
        ("COPY", f"{FOLDER}/film.mkv", 403),
        ("MOVE", f"{FOLDER}/none", 404),
        ("LOCK", f"{FOLDER}/film.mkv", 403),
        ("LOCK", f"{FOLDER}/new.txt", 403),
        ("LOCK", f"{FOLDER}/none/new.txt", 409),
        ("UNLOCK", f"{FOLDER}/film.mkv", 409),
        ("POST", f"{FOLDER}/film.mkv", 405),
        ("PATCH", f"{FOLDER}/film.mkv", 405),
        ("PUT", "/new.txt", 403),
        ("PUT", "/none/new.txt", 409),
    ],
)
def test_what_would_change_the_tree_is_refused_for_its_reason(
    served: Serving, method: str, path: str, status: int
) -> None:
    body = LOCK if method == "LOCK" else b""
    answer = ask(served, method, path, body, Destination=f"{FOLDER}/other")
    assert answer.status_code == status
    if status in {403, 405}:
        assert "PROPFIND" in answer.headers.get("Allow", "PROPFIND")


def test_properties_of_the_tree_are_protected(served: Serving) -> None:
    answer = ask(served, "PROPPATCH", f"{FOLDER}/film.mkv", WIN32)
    assert answer.status_code == 207
    assert "HTTP/1.1 403 Forbidden" in answer.text
    assert "Win32FileAttributes" in answer.text
    assert ask(served, "PROPPATCH", f"{FOLDER}/film.mkv").status_code == 400


def test_options_promise_class_two(served: Serving) -> None:
    for path in ("/", "/realdebrid", FOLDER, f"{FOLDER}/film.mkv"):
        headers = ask(served, "OPTIONS", path).headers
        assert headers["DAV"] == "1, 2"
        assert headers["MS-Author-Via"] == "DAV"
        assert headers["Accept-Ranges"] == "bytes"
    assert ask(served, "OPTIONS", "/none/").status_code == 404


def test_an_unchanged_file_leaves_the_connection_open(served: Serving) -> None:
    etag = ask(served, "HEAD", f"{FOLDER}/film.mkv").headers["ETag"]
    answer = ask(served, "GET", f"{FOLDER}/film.mkv", If_None_Match=etag)
    assert answer.status_code == 304
    assert "Connection" not in answer.headers
    assert answer.headers["ETag"] == etag


def test_a_lock_is_told_to_who_asks(served: Serving) -> None:
    check_lock(served, f"{FOLDER}/._locked.mkv")
