"""What StremThru's JSON looks like, as far as it is read."""

from typing import Annotated, Any

from pydantic import Field

from davstore.stores.shapes import GivenRows, Length, Moment, Rows, Shape, Size, Word


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

    index: Length = None
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


class Addresses(Shape):
    """Who asks (`client`), and as whom the instance asks others: by place, such as
    ":torbox:api:", "*" being all others; `machine` is its own without a tunnel.
    """

    client: Word = ""
    exposed: dict[str, Word] = Field(default_factory=dict)
    machine: Word = ""


class Default(Shape):
    """Which store a user's requests are for who names none."""

    default: Word = ""


class InstanceUser(Shape):
    """A user of the instance."""

    store: Default = Field(default_factory=Default)


class Debug(Shape):
    """`GET /v0/health/__debug__`; other logins than the instance's own users are told less."""

    user: InstanceUser = Field(default_factory=InstanceUser)
    ip: Addresses | None = None


class Checked(Shape):
    """One answer of a check."""

    hash: Word = ""
    magnet: Word = ""
    status: Word = ""
