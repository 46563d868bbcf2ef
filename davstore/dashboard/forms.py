"""What the pages' forms send, as values. Too much is refused before it is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from wsgiref.types import WSGIEnvironment as Environ

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Request

from davstore.dashboard.adding import Sees
from davstore.errors import NotAccepted

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


def read(environ: Environ) -> Form:
    """The form of a POST. Raises `NotAccepted` for one that is too large or makes no sense."""
    request = Request(environ)
    request.max_content_length = LARGEST
    request.max_form_memory_size = LARGEST_TEXT
    request.max_form_parts = MOST_PARTS
    try:
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
