"""What a server may do itself, in place of WSGI.

A server that can puts `OFFER` into the environ. `Download` then answers with an empty body and
leaves the bytes that are to be sent under `TRANSFER`; the head that it starts is the one for
success. Under `AGAIN` stands what answers the same request again, but for its target, its range
and its body, without the layers around and at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from davstore.errors import DavstoreError
from davstore.model import Leaf, Reader
from davstore.wsgi import Headers

OFFER = "davstore.offer"
TRANSFER = "davstore.transfer"
AGAIN = "davstore.again"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that is whole."""

    status: str
    headers: Headers
    parts: Sequence[bytes] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bytes `start` to `end` (inclusive) of `leaf`, under `status` and `headers`.

    `refuse` says what a failure before the first byte is to be answered with. `reader` is who
    asked.
    """

    leaf: Leaf
    start: int
    end: int
    status: str
    headers: Headers
    refuse: Callable[[DavstoreError], Answer]
    reader: Reader

    @property
    def is_whole(self) -> bool:
        """Whether all of the file was asked for, without a range (RFC 9110 section 15.3.1)."""
        return self.status.startswith("200")


@dataclass(frozen=True, slots=True)
class Request:
    """What differs from one request to the next: its target as it was sent, its Range header
    (None: it has none), its body.
    """

    target: str
    range: str | None = None
    body: bytes = b""


Again: TypeAlias = Callable[[Request], Answer | Transfer | None]
"""None where that must be answered from scratch. Does not wait: for a disk, a lock or a host."""
