"""Heads and what follows them: RFC 9112 sections 5 and 6.3.

A proxy in front and we must not read a request differently: what hides in a body would pass for
another one. Nobody who means well sends the like.
"""

import re
from collections.abc import Iterator

from werkzeug.datastructures import Authorization

PIECE = 1024 * 1024
"""Bytes that one client is sent before others have their turn."""

_LINES = re.compile(
    rb"(?:\r\n)*[^\r\n\0]*\r\n"
    rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n)*\r\n"
)
_FRAMING = re.compile(
    rb"\r\n(content-length|transfer-encoding):[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE
)
_LOGIN = re.compile(rb"\r\nauthorization:[ \t]*([^\r\n]*)", re.IGNORECASE)
_LENGTH = re.compile(rb"[0-9]{1,18}")


def is_plain(head: bytes) -> bool:
    """Whether all lines of a request's `head` are what they should be, and at most one says how
    long the body is.
    """
    if not _LINES.fullmatch(head):
        return False
    said = _FRAMING.findall(head)
    if not said:
        return True
    name, value = said[0]
    if len(said) > 1:
        return False
    return name.lower() != b"content-length" or _LENGTH.fullmatch(value) is not None


def body_follows(head: bytes, count: int) -> bool:
    """Whether more of a body belongs to this head, which is plain, than the `count` bytes that are
    there.
    """
    found = _FRAMING.search(head)
    if found is None:
        return False
    return found[1].lower() != b"content-length" or int(found[2]) > count


def claimant(head: bytes) -> str:
    """The name in a request's login, "" without one. Nobody has looked whether it is right: who
    has the wrong password is soon told so.
    """
    found = _LOGIN.search(head)
    login = Authorization.from_header(found[1].decode("latin-1")) if found else None
    return (login.get("username") if login else None) or ""


def head_text(status: str, headers: list[tuple[str, str]], *, is_last: bool) -> bytes:
    """A response's head."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    lines.append("Server: davstore")
    if is_last:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def pieces(*parts: bytes) -> Iterator[bytes]:
    """The same, joined where they are small."""
    joined, size = [], 0
    for part in parts:
        joined.append(part)
        size += len(part)
        if size >= PIECE:
            yield b"".join(joined)
            joined, size = [], 0
    if joined:
        yield b"".join(joined)
