"""What Real-Debrid's JSON looks like, as far as it is read."""

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field

from davstore.stores.shapes import (
    LARGEST,
    GivenRows,
    GivenWords,
    Length,
    Moment,
    Percent,
    Rows,
    Shape,
    Size,
    Word,
)

_PARIS = ZoneInfo("Europe/Paris")


class Torrent(Shape):
    """One row of `GET /torrents`."""

    id: str
    filename: Word = ""
    original_filename: Word = ""
    hash: Word = ""
    bytes: Size = None
    progress: Percent = None
    status: str
    added: Moment = None
    speed: Size = None
    links: Rows


class FileRow(Shape):
    """One of the files of a torrent."""

    id: Annotated[int, Field(ge=0, le=LARGEST)]
    path: str
    bytes: Length = None
    selected: int = 0


class Info(Shape):
    """`GET /torrents/info/{id}`."""

    status: Word = ""
    filename: Word = ""
    files: GivenRows
    links: GivenWords


class Added(Shape):
    """`PUT /torrents/addTorrent` and `POST /torrents/addMagnet`."""

    id: str


class Unrestricted(Shape):
    """`POST /unrestrict/link`."""

    id: Word = ""
    download: str
    host: Word = ""
    filename: Word = ""
    filesize: Size = None
    mimeType: Word = ""  # noqa: N815 - the service's word
    chunks: Size = None


class User(Shape):
    """`GET /user`."""

    username: str
    type: Word = ""
    expiration: Moment = None


class Download(Shape):
    """One row of `GET /downloads`."""

    id: str
    filename: Word = ""
    mimeType: Word = ""  # noqa: N815 - the service's word
    filesize: Size = None
    link: str
    host: Word = ""
    generated: Moment = None


class Checked(Shape):
    """`POST /unrestrict/check`."""

    filename: Word = ""
    filesize: Size = None
    host: Word = ""
    supported: int = 0


class Active(Shape):
    """`GET /torrents/activeCount`."""

    nb: Length = None
    limit: Size = None


class Traffic(Shape):
    """What `GET /traffic` says of one host."""

    left: int = 0
    limit: Size = None
    extra: Size = None
    type: Word = ""
    reset: Word = ""


class HostRow(Shape):
    """What `GET /hosts/status` says of one host."""

    name: Word = ""
    supported: int = 0
    status: Word = ""


class MediaInfos(Shape):
    """`GET /streaming/mediaInfos/{id}`."""

    type: Word = ""
    duration: float | None = None
    details: Any = None


def local(moment: float | None) -> float | None:
    """The service writes Paris time with a Z, as if it were UTC."""
    if moment is None:
        return None
    shown = datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
    return shown.replace(tzinfo=_PARIS).timestamp()
