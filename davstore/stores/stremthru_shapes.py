"""What StremThru's JSON looks like, as far as it is read."""

from typing import Annotated, Any

from pydantic import Field

from davstore.stores.shapes import GivenRows, Moment, Rows, Shape, Size, Word


class Row(Shape):
    """One row of a listing."""

    id: Annotated[str, Field(min_length=1)]
    hash: Word = ""
    name: Word = ""
    size: Size = None
    status: str
    added_at: Moment = None


class FileRow(Shape):
    """A file of a magnet."""

    index: int | None = None
    link: Word = ""
    path: Word = ""
    name: Word = ""
    size: Size = None
    video_hash: Word = ""


class Detail(Shape):
    """A magnet with its files."""

    files: GivenRows


class Added(Shape):
    """What was added."""

    id: Word = ""


class Generated(Shape):
    """A generated link."""

    link: str


class Answers(Shape):
    """One page of a listing, or the answers of a check."""

    items: Any
    total_items: int | None = None


class Failure(Shape):
    """An error, in either shape."""

    code: Word = ""
    message: Word = ""
    errors: Rows

    def speaks_of(self, *words: str) -> bool:
        """Whether one of these stands in its message or in the places it points at."""
        told = f"{self.message} {self.errors}".lower()
        return any(word in told for word in words)


class User(Shape):
    """`GET /v0/store/user`."""

    id: Word = ""
    email: Word = ""
    subscription_status: Word = ""


class Checked(Shape):
    """One answer of a check."""

    hash: Word = ""
    magnet: Word = ""
    status: Word = ""
