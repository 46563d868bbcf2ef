"""What Plank's JSON looks like, as far as it is read."""

from typing import Annotated

from pydantic import Field

from davstore.stores.shapes import (
    GivenRows,
    Length,
    Moment,
    Percent,
    Seconds,
    Shape,
    Size,
    Word,
)


class Row(Shape):
    """One row of `GET /api/media`."""

    id: Annotated[str, Field(min_length=1)]
    type: str
    title: Word = ""
    year: Size = None
    status: Word = ""
    progress: Percent = None
    infohash: Word = ""
    filePath: Word = ""  # noqa: N815 - the service's word
    addedAt: Moment = None  # noqa: N815
    parentId: Word = ""  # noqa: N815

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.title} ({self.year})" if self.year else self.title

    @property
    def is_newer(self) -> bool:
        """Whether it is of the newer generation."""
        return self.type == "show" or "parentId" in self.model_fields_set


class Added(Shape):
    """`POST /api/media`."""

    id: str


class Episode(Shape):
    """One episode of a season."""

    id: str
    episodeNumber: Length = None  # noqa: N815
    title: Word = ""
    filePath: Word = ""  # noqa: N815
    status: Word = ""


class Season(Shape):
    """One season of `GET /api/media/{id}/seasons`."""

    seasonNumber: Length = None  # noqa: N815
    episodes: GivenRows


class Progress(Shape):
    """`GET /api/media/{id}/progress`."""

    status: Word
    progress: Percent = None
    downloadSpeed: Length = None  # noqa: N815


class Match(Shape):
    """One row of `GET /api/media/search`."""

    id: Annotated[str, Field(min_length=1)]
    parentId: Word = ""  # noqa: N815


class Played(Shape):
    """`GET /api/media/{id}/position`."""

    position: Seconds
    duration: Seconds = None


class Profile(Shape):
    """One of the profiles between which a login chooses."""

    id: str
    name: Word = ""


class User(Shape):
    """The user of a session."""

    name: Word = ""
    email: Word = ""
