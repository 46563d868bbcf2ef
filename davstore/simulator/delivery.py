"""Sending a content, whole or in part, rightly or with the fault that was asked for.

Ranges as RFC 9110 section 14 has them.
"""

import re
from collections.abc import Iterator

from flask import Response, g, request

from davstore.simulator.content import Content
from davstore.simulator.faults import Fault
from davstore.simulator.site import FOREVER, Call, connection
from davstore.simulator.wire import Connection

BLOCK = 128 * 1024
_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """416."""


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of a single range; None where there is none to honour.

    Several ranges and what is no range are ignored, as the RFC allows and asks.
    Raises `Unsatisfiable`.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None:
        return None
    first, last = match.groups()
    if first:
        start, end = int(first), int(last) if last else size - 1
        if last and end < start:
            return None
        if start >= size:
            raise Unsatisfiable
        return start, min(end, size - 1)
    if not last:
        return None
    if int(last) == 0 or size == 0:
        raise Unsatisfiable
    return max(0, size - int(last)), size - 1


def deliver(content: Content, mime: str, fault: Fault | None, *, ranged: str | None) -> Response:
    """The answer to a GET or HEAD for `content` with the Range header `ranged`."""
    kind = fault.kind if fault else ""
    by: int = fault.at("by", 1024 if kind == "wrong_range" else 1) if fault else 0
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Type": "text/html" if kind == "wrong_type" else mime,
    }
    try:
        span = None if kind == "ignore_range" else asked_range(ranged, content.size)
    except Unsatisfiable:
        headers["Content-Range"] = f"bytes */{content.size}"
        return Response(status=416, headers=headers)
    start, end = span or (0, content.size - 1)
    if span and kind == "wrong_range":
        start = (start + by) % content.size
        end = max(start, end)
    length = end - start + 1
    if span:
        total = content.size + by if kind == "wrong_total" else content.size
        shown = "*" if kind == "no_length" else str(total)
        headers["Content-Range"] = f"bytes {start}-{end}/{shown}"
    if kind == "short_length":
        length = max(0, length - by)
    if kind != "no_length":
        headers["Content-Length"] = str(length)
    return Response(stream(content, start, length, fault), 206 if span else 200, headers)


def stream(content: Content, start: int, length: int, fault: Fault | None) -> Iterator[bytes]:
    """A body for the request at hand; the call's `sent` counts what the socket takes of it."""
    call: Call = g.call
    request.environ["simulator.counted"] = call
    return _blocks(content, start, length, call, fault, connection())


def _blocks(
    content: Content,
    start: int,
    length: int,
    call: Call,
    fault: Fault | None,
    client: Connection,
) -> Iterator[bytes]:
    """The blocks, and in their midst whatever is to go wrong."""
    kind = fault.kind if fault else ""
    limit: int = fault.at("at_bytes", 0) if fault and kind in {"cut", "reset", "stall"} else length
    call.started = True
    try:
        given = 0
        while given < length:
            if given >= limit:
                assert fault is not None
                _break_off(fault, client)
                limit = length
            block = content.read(start + given, min(BLOCK, limit - given, length - given))
            given += len(block)
            yield block
    finally:
        call.ended = True


def _break_off(fault: Fault, client: Connection) -> None:
    if fault.kind == "cut":
        raise ConnectionAbortedError("on request")
    if fault.kind == "reset":
        raise client.reset()
    if client.wait(fault.at("seconds", FOREVER)):
        raise ConnectionAbortedError("the client left")
