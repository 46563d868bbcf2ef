"""What the configuration says of an account at Real-Debrid."""

from pydantic import Field

from davstore.config.access import BaseUrl
from davstore.stores import base


class Settings(base.TokenSettings):
    """`[accounts.NAME]` with `store = "realdebrid"`."""

    url: BaseUrl = "https://api.real-debrid.com/rest/1.0"
    select: tuple[str, ...] = Field(
        default=(), description="names of the files to get of what is added, with * and ?"
    )
    transcode: bool = Field(
        default=False, description="whether each video has a playlist of its transcoded stream"
    )
