"""What the pages' forms send, as values. Too much is refused before it is read."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Any, Final

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Request

from davstore.dashboard.adding import Sees
from davstore.errors import NotAccepted
from davstore.wsgi import Environ

LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a form with all its files: three of the largest torrents, or hundreds of usual ones."""
LARGEST_TEXT: Final = 1024 * 1024
MOST_PARTS: Final = 200


@dataclass(frozen=True, slots=True)
class Form:
    """What `user` has sent, to whom only the accounts that they `see` exist: the fields, and the
    files with their names.
    """

    fields: Mapping[str, str]
    user: str
    sees: Sees
    files: Sequence[tuple[str, bytes]] = field(default=(), repr=False)


class _Request(Request):
    """Its files are `spooled`, to be closed also where the form turns out to be too large."""

    max_content_length = LARGEST
    max_form_memory_size = LARGEST_TEXT
    max_form_parts = MOST_PARTS

    def __init__(self, environ: Environ) -> None:
        super().__init__(environ)
        self.spooled = ExitStack()

    def _get_file_stream(self, *args: Any, **named: Any) -> IO[bytes]:
        return self.spooled.enter_context(super()._get_file_stream(*args, **named))


def read(environ: Environ) -> Form:
    """The form of a POST. Raises `NotAccepted` for one that is too large or makes no sense."""
    request = _Request(environ)
    try:
        with request.spooled:
            fields = {key: values[-1] for key, values in request.form.lists()}
            given = [each for each in request.files.getlist("files") if each.filename]
            files = [(each.filename or "", each.read()) for each in given]
    except RequestEntityTooLarge:
        raise NotAccepted(
            f"That is too much: {LARGEST // 2**20} MiB in {MOST_PARTS} files, and "
            f"{LARGEST_TEXT // 2**20} MiB of text, are taken; send less at once."
        ) from None
    except HTTPException:
        raise NotAccepted("That is no form of this page; open it again.") from None
    environ["wsgidav.all_input_read"] = 1
    return Form(fields, environ["davstore.user"], environ["davstore.sees"], files)
