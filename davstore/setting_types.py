"""Kinds of settings that more than one part of the configuration has: addresses and tokens."""

import re
from pathlib import Path
from typing import Annotated, ClassVar, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator


def _web_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("is no http or https URL; write it as https://host or http://host:port")
    return value


def base_url(value: str) -> str:
    """The address of a service, to which paths are added; raises `ValueError`."""
    parts = urlsplit(_web_url(value))
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("holds more than an address; leave out login, ? and #")
    return value.rstrip("/")


def _secret_url(value: SecretStr) -> SecretStr:
    _web_url(value.get_secret_value())
    return value


BaseUrl: TypeAlias = Annotated[str, AfterValidator(base_url)]
SecretUrl: TypeAlias = Annotated[SecretStr, AfterValidator(_secret_url)]
"""An address that may be as good as a password."""


class TokenGiven(BaseModel):
    """What is asked with one token, given in place or in a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr | None = Field(default=None, description="the API token")
    token_file: Path | None = Field(
        default=None, description="a file that holds the token, instead of `token`"
    )

    cure: ClassVar[str] = "give either token or token_file"

    @property
    def is_elsewhere(self) -> bool:
        """Whether the token is not to be given at all."""
        return False

    @model_validator(mode="after")
    def _read_token(self) -> Self:
        if (self.token is not None) + (self.token_file is not None) + self.is_elsewhere != 1:
            raise ValueError(f"needs a token; {self.cure}")
        if self.is_elsewhere:
            return self
        if not self.secret:
            raise ValueError("has an empty token; copy it again from the service's site")
        if not re.fullmatch(r"[!-~]+", self.secret):
            raise ValueError("has a token with spaces or odd characters in it; copy it again")
        return self

    @property
    def secret(self) -> str:
        """The token itself; "" where it is elsewhere."""
        if self.is_elsewhere:
            return ""
        if self.token is not None:
            return self.token.get_secret_value().strip()
        assert self.token_file is not None
        try:
            return self.token_file.expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise ValueError(
                f"token_file {str(self.token_file)!r}: {reason}; write the token into that file"
            ) from None
