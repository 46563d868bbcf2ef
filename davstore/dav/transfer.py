"""A file's bytes that a server may move itself instead of drawing them through WSGI.

A server that can puts `OFFER` into the environ; `Download` then answers with an empty body and
leaves what is to be sent under `TRANSFER`. The head that it starts is the one for success.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from davstore.errors import DavstoreError
from davstore.model import Leaf, Reader

OFFER = "davstore.offer"
TRANSFER = "davstore.transfer"

Headers: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is said instead of the file."""

    status: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bytes `start` to `end` (inclusive) of `leaf`, under `status` and `headers`.

    `refuse` says what a failure before the first byte is to be answered with. `again` is the
    answer to the same request with another Range header (None: without), and None where it must
    be answered from scratch. `reader` is who asked.
    """

    leaf: Leaf
    start: int
    end: int
    status: str
    headers: Headers
    refuse: Callable[[DavstoreError], Refusal]
    again: "Callable[[str | None], Transfer | None]"
    reader: Reader
