"""What the configuration says of an account at AllDebrid."""

from pydantic import Field

from davstore.config.access import BaseUrl
from davstore.stores import base


class Settings(base.TokenSettings):
    """`[accounts.NAME]` with `store = "alldebrid"`."""

    url: BaseUrl = "https://api.alldebrid.com"
    quality: int | None = Field(
        default=None, ge=1, le=10_000,
        description="the most lines of picture where a link offers several qualities",
    )  # fmt: skip
