"""What the configuration says of an account behind a StremThru instance."""

import base64
from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from davstore.config.access import BaseUrl
from davstore.stores import base

STORES: Final[Mapping[str, str]] = {
    "ad": "alldebrid", "dl": "debridlink", "dr": "debrider", "ed": "easydebrid", "oc": "offcloud",
    "pm": "premiumize", "pp": "pikpak", "rd": "realdebrid", "st": "stremthru", "tb": "torbox",
    "ti": "torrin",
}  # fmt: skip
"""Its codes of the stores."""


class Settings(base.Settings):
    """`[accounts.NAME]` with `store = "stremthru"`."""

    url: BaseUrl = Field(description="the instance's address")
    api: Literal["torz", "magnets"] = Field(default="torz", description="which of its two APIs")
    username: str | None = Field(default=None, description="the instance's user")
    password: SecretStr | None = Field(default=None, description="that user's password")
    store_name: str | None = Field(
        default=None, description="the store, such as torbox, or its code, such as tb"
    )
    store_token: SecretStr | None = Field(default=None, description="the store's token")

    @field_validator("store_name")
    @classmethod
    def _in_full(cls, given: str | None) -> str | None:
        """The service knows stores by their full names; one that is newer than this list too."""
        return None if given is None else STORES.get(given.strip().lower(), given.strip().lower())

    @model_validator(mode="after")
    def _login(self) -> Self:
        if bool(self.username) != bool(self.password):
            raise ValueError("has half a login; username and password go together")
        if not self.username and not (self.store_name and self.store_token):
            raise ValueError("has no login; give username and password, "
                             "or store_name and store_token")  # fmt: skip
        return self

    @property
    def headers(self) -> dict[str, str]:
        """The login, as the service wants it."""
        headers = {}
        if self.username and self.password:
            login = f"{self.username}:{self.password.get_secret_value()}".encode()
            basic = base64.b64encode(login).decode()
            headers["X-StremThru-Authorization"] = f"Basic {basic}"
        if self.store_name:
            headers["X-StremThru-Store-Name"] = self.store_name
        if self.store_token:
            token = self.store_token.get_secret_value().strip()
            headers["X-StremThru-Store-Authorization"] = f"Bearer {token}"
        return headers
