"""Things that go wrong on request, at an API or at the file host.

At an API, before or instead of its answer:
    status          `status=503, body="", headers={}`
    html            a page of HTML; `status=200`
    empty           no body at all; `status=200`
    truncated_json  the true answer, cut in half
    wrong_type      well-formed JSON of another type, or `body=`
    slow            the true answer after `seconds=`
    hang            no answer until the client leaves or the service stops
    reset           a TCP reset instead of an answer
    fail            the service's own documented error; see each service's `fail()`
At the file host (and Plank's stream):
    status          as above; `error="link_expired"` sets X-Error
    html_200        a page of HTML as if it were the file
    cut, reset      the connection ends, or is reset, after `at_bytes=` of the body;
                    reset without `at_bytes`: before the answer
    stall           silence for `seconds=` after `at_bytes=`, then the rest
    slow, hang      before the answer
    ignore_range    200 with the whole file
    wrong_range     206 that truthfully says that it starts `by=` bytes later
    wrong_total     206 whose total is `by=` bytes off
    no_length       chunked, without Content-Length and, in 206, without a total
    short_length    a well-framed answer that lacks the last `by=` bytes of what it claims
    wrong_type      the right bytes as text/html
    placeholder     302 to a small real video
    redirect        302 to another path of the host that serves the file, or to `to=`
"""

import threading
from typing import Any

_BODY = {"cut", "stall", "no_length", "short_length"}
KINDS = _BODY | {
    "status", "html", "html_200", "empty", "truncated_json", "wrong_type", "slow", "hang",
    "reset", "fail", "ignore_range", "wrong_range", "wrong_total", "placeholder", "redirect",
}  # fmt: skip


class Fault:
    """One thing that goes wrong: `times` times (None: always), sparing the first `after` requests.

    Concerns requests whose path contains `path`, and, given `method=`, of that method.
    Raises `ValueError` for a `kind` that is not among the above.
    """

    def __init__(
        self, kind: str, path: str = "", times: int | None = 1, after: int = 0, **details: Any
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind}")
        self.kind = kind
        self.path = path
        self.times = times
        self.after = after
        self.details = details

    def at(self, name: str, default: Any = None) -> Any:
        """One of the details."""
        return self.details.get(name, default)

    def concerns(self, method: str, path: str) -> bool:
        """Whether this request is one of those."""
        if self.path not in path or self.at("method") not in (None, method):
            return False
        return method != "HEAD" or (self.kind not in _BODY and self.at("at_bytes") is None)

    def __repr__(self) -> str:
        return f"Fault({self.kind!r}, path={self.path!r}, times={self.times}, {self.details})"


class Faults:
    """Those still to come; thread-safe."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Put them behind those already waiting; one request meets one fault."""
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        """All is well again."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, which is thereby used up once."""
        with self._lock:
            for fault in self._faults:
                if not fault.concerns(method, path):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None

    def __len__(self) -> int:
        return len(self._faults)
