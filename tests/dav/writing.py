"""What clients send, as somebody's requests, and all the ways in which they write a file."""

import re
from typing import Any
from urllib.parse import quote

import requests

from tests.serving import Serving

LOCK = (
    b'<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    b"<D:locktype><D:write/></D:locktype><D:owner><D:href>anna</D:href></D:owner></D:lockinfo>"
)
WIN32 = (
    b'<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" '
    b'xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>'
    b"<Z:Win32CreationTime>Tue, 14 Nov 2023 22:13:20 GMT</Z:Win32CreationTime>"
    b"<Z:Win32LastAccessTime>Tue, 14 Nov 2023 22:13:20 GMT</Z:Win32LastAccessTime>"
    b"<Z:Win32LastModifiedTime>Tue, 14 Nov 2023 22:13:20 GMT</Z:Win32LastModifiedTime>"
    b"<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>"
)


def ask(
    served: Serving, method: str, path: str, body: Any = b"", who: str = "anna", **headers: str
) -> requests.Response:
    """A request of somebody whose password is "p"; a `Destination` may be a path too."""
    root = served.url.rstrip("/")
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    if named.get("Destination", "").startswith("/"):
        named["Destination"] = root + quote(named["Destination"])
    return requests.request(
        method, root + quote(path), data=body, headers=named, auth=(who, "p"), timeout=30
    )


def listed(served: Serving, path: str, who: str = "anna") -> list[str]:
    """The names in a folder."""
    answer = ask(served, "PROPFIND", f"{path}/", who=who, Depth="1")
    assert answer.status_code == 207
    return re.findall("<D:displayname>(.*?)</D:displayname>", answer.text)[1:]


def plain(served: Serving, path: str, data: bytes) -> None:
    answer = ask(served, "PUT", path, data)
    assert answer.status_code == 201, answer.text
    assert answer.headers["ETag"] == ask(served, "HEAD", path).headers["ETag"]


def chunked(served: Serving, path: str, data: bytes) -> None:
    assert ask(served, "PUT", path, iter([data[:2], data[2:]])).status_code == 201


def twice(served: Serving, path: str, data: bytes) -> None:
    assert ask(served, "PUT", path, data).status_code == 201
    assert ask(served, "PUT", path, data).status_code == 204


def finder(served: Serving, path: str, data: bytes) -> None:
    folder, _, name = path.rpartition("/")
    assert ask(served, "PROPFIND", path, Depth="0").status_code == 404
    assert ask(served, "PUT", path, b"").status_code == 201
    token = ask(served, "LOCK", path, LOCK).headers["Lock-Token"]
    assert ask(served, "PUT", path, data).status_code == 423
    assert ask(served, "DELETE", path).status_code == 423
    assert ask(served, "PUT", path, iter([data]), If=f"({token})").status_code == 204
    assert ask(served, "UNLOCK", path, Lock_Token=token).status_code == 204
    assert ask(served, "PUT", f"{folder}/._{name}", b"\0\5\x16\7").status_code == 201


def davfs2(served: Serving, path: str, data: bytes) -> None:
    locked = ask(served, "LOCK", path, LOCK, Depth="0", Timeout="Second-1800")
    assert locked.status_code == 201
    token = locked.headers["Lock-Token"]
    head = ask(served, "HEAD", path)
    assert head.headers["Content-Length"] == "0"
    written = ask(served, "PUT", path, data, If_Match=head.headers["ETag"],
                  If=f"<{served.url.rstrip('/')}{quote(path)}> ({token})")  # fmt: skip
    assert written.status_code == 204
    assert ask(served, "UNLOCK", path, Lock_Token=token).status_code == 204


def windows(served: Serving, path: str, data: bytes) -> None:
    assert ask(served, "PUT", path, b"").status_code == 201
    token = ask(served, "LOCK", path, LOCK).headers["Lock-Token"]
    assert ask(served, "PUT", path, data, If=f"({token})").status_code == 204
    said = ask(served, "PROPPATCH", path, WIN32, If=f"({token})")
    assert said.status_code == 207
    assert "200 OK" in said.text
    assert ask(served, "UNLOCK", path, Lock_Token=token).status_code == 204


def by_another_name(served: Serving, path: str, data: bytes) -> None:
    """As rclone, Kodi, KIO, rsync into a mount, and others do."""
    folder, _, name = path.rpartition("/")
    for part in (f"{path}.part", f"{path}.partial", f"{path}.tmp", f"{folder}/.{name}.Xy3"):
        assert ask(served, "PUT", part, data).status_code == 201
        moved = ask(served, "MOVE", part, Destination=path, Overwrite="T")
        assert moved.status_code in {201, 204}
        assert ask(served, "GET", part).status_code == 404


WAYS = (plain, chunked, twice, finder, davfs2, windows, by_another_name)


def check_lock(served: Serving, path: str) -> None:
    """Whoever asks about a new file at `path` is told of its lock, while there is one."""
    assert ask(served, "PUT", path, b"some").status_code == 201
    named = b"<D:prop><D:lockdiscovery/><D:getetag/></D:prop>"
    named = b'<D:propfind xmlns:D="DAV:">' + named + b"</D:propfind>"
    free = ask(served, "PROPFIND", path, named, Depth="0").text
    assert "lockdiscovery" in free
    assert "404" not in free
    assert "activelock" not in free
    token = ask(served, "LOCK", path, LOCK, Depth="0").headers["Lock-Token"]
    for body in (named, b""):
        told = ask(served, "PROPFIND", path, body, Depth="0").text
        assert token.strip("<>") in told
        assert ">anna</" in told
    assert "lockentry" in told, "what can be locked is told with all properties"
    assert ask(served, "UNLOCK", path, Lock_Token=token).status_code == 204
    assert "activelock" not in ask(served, "PROPFIND", path, named, Depth="0").text
