"""What the configuration says of hooks: whom to tell when folders change, and how.

Values only; how each kind is told is done in `davstore.hooks`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from davstore.setting_types import BaseUrl, SecretUrl, TokenGiven


def _folders(value: Mapping[str, str]) -> Mapping[str, str]:
    for ours in value:
        if not ours.startswith("/"):
            raise ValueError(
                f"has {ours!r}, which is no path here; begin it with / as in `davstore ls`"
            )
    return {ours.rstrip("/"): theirs for ours, theirs in value.items()}


class Hook(BaseModel):
    """`[[hooks]]`: what all kinds of them have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        default="", pattern=r"^[^\x00-\x1f]*$", description="its name; the kind if not said"
    )
    map: Annotated[Mapping[str, str], AfterValidator(_folders)] = Field(
        default={}, description="folders here and where they are told to be; others are not told"
    )
    quiet: float = Field(
        default=5, ge=0, le=3600, description="seconds without a change before it is told"
    )
    latest: float = Field(
        default=60, ge=0, le=86400, description="seconds after which it is told in any case"
    )
    timeout: float = Field(default=30, gt=0, le=600, description="seconds that telling may take")

    @property
    def called(self) -> str:
        """Its name for people and for what waits for it."""
        return self.name or str(getattr(self, "kind", ""))


class RcloneHook(Hook):
    """An rclone with `--rc`: its memory of folders is dropped."""

    kind: Literal["rclone"]
    url: BaseUrl = Field(default="http://127.0.0.1:5572", description="where its --rc-addr is")
    user: str = Field(default="", description="its --rc-user")
    password: SecretStr | None = Field(default=None, description="its --rc-pass")
    method: Literal["forget", "refresh"] = Field(
        default="forget", description="vfs/forget, or vfs/refresh, which also reads them anew"
    )
    fs: str = Field(default="", description="which mount, where one rclone has several")

    @model_validator(mode="after")
    def _log_in(self) -> Self:
        if self.password is not None and not self.user:
            raise ValueError("has a password and no user; rclone needs both, or neither")
        return self


class MediaServerHook(TokenGiven, Hook):
    """A media server, which knows our folders by where they are mounted."""

    @model_validator(mode="after")
    def _must_map(self) -> Self:
        if not self.map:
            raise ValueError(
                'needs a map; say where it sees our folders: map = {"/Movies" = "/mnt/Movies"}'
            )
        return self


class PlexHook(MediaServerHook):
    """Plex: the changed folders of its libraries are scanned."""

    kind: Literal["plex"]
    url: BaseUrl = Field(default="http://127.0.0.1:32400", description="its address")


class JellyfinHook(MediaServerHook):
    """Jellyfin: told which paths have changed."""

    kind: Literal["jellyfin"]
    url: BaseUrl = Field(default="http://127.0.0.1:8096", description="its address")


class EmbyHook(MediaServerHook):
    """Emby: told which paths have changed."""

    kind: Literal["emby"]
    url: BaseUrl = Field(default="http://127.0.0.1:8096/emby", description="its address")


class WebhookHook(Hook):
    """Anything that takes a signed POST."""

    kind: Literal["webhook"]
    url: SecretUrl = Field(description="where to POST to")
    secret: SecretStr | None = Field(
        default=None, min_length=16, description="what the POST is signed with, 16 letters or more"
    )


class CommandHook(Hook):
    """A program that is run."""

    kind: Literal["command"]
    command: tuple[str, ...] = Field(min_length=1, description="the program and its arguments")


AnyHook: TypeAlias = RcloneHook | PlexHook | JellyfinHook | EmbyHook | WebhookHook | CommandHook
KINDS: Mapping[str, type[AnyHook]] = {
    "rclone": RcloneHook, "plex": PlexHook, "jellyfin": JellyfinHook, "emby": EmbyHook,
    "webhook": WebhookHook, "command": CommandHook,
}  # fmt: skip
"""The model of each kind."""
