"""How hooks are told over HTTP: one call, a bound on time, no retry: that is the disk's."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3

from davstore.errors import HookError
from davstore.transport.api import Json, decoded
from davstore.transport.session import Reach, Session, pieces, plain_reason

LONGEST_ANSWER = 4 * 1024 * 1024
"""Bytes; what is longer is no answer to a hook."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said."""

    status: int
    body: bytes = field(repr=False)

    @property
    def is_good(self) -> bool:
        """Whether it took what it was told."""
        return 200 <= self.status < 300

    def json(self) -> Json:
        """Its body. Raises `HookError` where that is something else."""
        try:
            return decoded(self.body)
        except ValueError as error:
            raise HookError(f"unexpected answer: {error}") from None


class Notices:
    """The way to one receiver at `url`, which the owner has named.

    `secrets` are headers that go to it alone; redirects are not followed.
    """

    def __init__(self, url: str, secrets: Mapping[str, str], timeout: float) -> None:
        self._url = url
        self._session = Session(secrets, may_reach=Reach(url).api)
        self._timeout = timeout

    def send(self, method: str, path: str = "", **options: Any) -> Answer:
        """One call; `options` as for `requests.request`. Raises `HookError`."""
        deadline = time.monotonic() + self._timeout
        try:
            with self._session.request(
                method, self._url + path, timeout=self._timeout, stream=True,
                allow_redirects=False, **options,
            ) as response:  # fmt: skip
                answer = Answer(response.status_code, self._body(response, deadline))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            reason = plain_reason(error)
            raise HookError(
                f"cannot be reached ({reason}); check its url, and that it runs"
            ) from None
        except UnicodeError:
            raise HookError("its login has characters that HTTP cannot send") from None
        if answer.status in {401, 403}:
            raise HookError(f"refuses the login (HTTP {answer.status}); check token or password")
        if 300 <= answer.status < 400:
            raise HookError(f"sends elsewhere (HTTP {answer.status}); set its url to that address")
        return answer

    def close(self) -> None:
        """Close all connections; may be called twice."""
        self._session.close()

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        found, size = [], 0
        for piece in pieces(response):
            size += len(piece)
            if size > LONGEST_ANSWER or time.monotonic() > deadline:
                raise HookError("its answer does not come to an end; is that the right url?")
            found.append(piece)
        return b"".join(found)
