"""`[server]`: where to listen, how, and where to keep what is known."""

import ipaddress
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import platformdirs
from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    field_validator,
)

from davstore.errors import Problem

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Database:
    """A database in place of the state folder's; a `password_file` goes before the URL's own."""

    url: SecretStr
    password_file: Path | None = None


class Checked(BaseModel):
    """A table in which nothing unknown may stand."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Checked):
    """`[server]`: where to listen and where to keep what is known."""

    host: str = Field(default="127.0.0.1", description="the address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="the port to listen on")
    tls_cert: Path | None = Field(
        default=None, description="a certificate with its chain (PEM): then https is spoken"
    )
    tls_key: Path | None = Field(
        default=None, description="its key (PEM), if it does not stand in the same file"
    )
    proxies: tuple[IPvAnyNetwork, ...] = Field(
        default=(), description="addresses of reverse proxies whose X-Forwarded-* are believed"
    )
    prefix: str = Field(
        default="", description="the path under which a reverse proxy shows davstore"
    )
    workers: int = Field(
        default=1, ge=1, le=64, description="how many processes share the port and the state"
    )
    state: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("davstore"),
        description="the folder of the catalog",
    )
    state_url: SecretStr | None = Field(
        default=None, description="a PostgreSQL that holds the state, which machines may share"
    )
    state_password_file: Path | None = Field(
        default=None, description="a file with its password, if that does not stand in the URL"
    )
    refresh: float = Field(
        default=60, ge=5, le=86400, description="seconds between refreshes of an account"
    )
    refresh_quick: float = Field(
        default=20, ge=5, le=86400, description="the same while something is downloading"
    )
    refresh_slow: float = Field(
        default=300, ge=5, le=86400, description="the same while nothing moves and nobody reads"
    )
    removal_share: float = Field(
        default=0.1, ge=0, le=1, description="how much of an account may vanish at once"
    )
    users_file: Path | None = Field(
        default=None, description="an htpasswd file (bcrypt) with further users"
    )
    overlay: bool = Field(
        default=False, description="whether sidecars may be written beside videos"
    )
    overlay_limit: ByteSize = Field(
        default=ByteSize(2 * 1024**3), ge=1024**2, le=1024**5,
        description="disk space for sidecars",
    )  # fmt: skip
    announce: bool = Field(default=False, description="announce it by Bonjour (zeroconf)")
    notice: float = Field(
        default=0, ge=0, le=600,
        description="seconds for which `/-/readyz` says 503 before the port is closed at a stop",
    )  # fmt: skip
    drain: float = Field(
        default=5, ge=0, le=3600,
        description="seconds for which responses under way may go on when the server is stopped",
    )  # fmt: skip

    @field_validator("prefix")
    @classmethod
    def _a_path(cls, value: str) -> str:
        path = value.strip("/")
        if path and not re.fullmatch(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*", path):
            raise ValueError("is no path; one such as /dav, of letters, digits and . _ ~ -")
        if {".", ".."} & set(path.split("/")):
            raise ValueError("is no path; one such as /dav, without . and ..")
        return f"/{path}" if path else ""

    @field_validator("state_url")
    @classmethod
    def _of_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        form = r"postgresql(\+psycopg)?://[^/]*/[^/?]+(\?.*)?"
        if value is not None and not re.fullmatch(form, value.get_secret_value()):
            raise ValueError("is no address; postgresql+psycopg://user:password@host/name is one")
        return value

    @field_validator("proxies", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @property
    def database(self) -> Database | None:
        """Where the state is, if not in its folder."""
        if self.state_url is None:
            return None
        return Database(self.state_url, self.state_password_file)

    @property
    def is_public(self) -> bool:
        """Whether others than this machine can connect."""
        return not _is_loopback(self.host)

    @property
    def scheme(self) -> str:
        """What is spoken: http or https."""
        return "http" if self.tls_cert is None else "https"


def server_problems(
    server: ServerSettings, names: Collection[str], *, is_open: bool
) -> Iterator[Problem]:
    """What is wrong with `[server]` beside `names` at the root; `is_open`: there are no users."""
    if is_open and server.is_public:
        yield Problem(
            "server.host", f"{server.host!r} would let anyone in",
            "add [[users]] with a name and a password, or listen on 127.0.0.1",
        )  # fmt: skip
    if server.users_file is not None and not os.access(server.users_file, os.R_OK):
        cure = "make it with `htpasswd -cB FILE NAME`"
        yield Problem("server.users_file", "cannot be read", cure)
    if server.state_password_file is not None and server.state_url is None:
        cure = "name the database that it is for, or leave both out"
        yield Problem("server.state_url", "is missing beside state_password_file", cure)
    if server.tls_key is not None and server.tls_cert is None:
        cure = "name the certificate that it belongs to, or leave both out"
        yield Problem("server.tls_cert", "is missing beside tls_key", cure)
    for key in ("tls_cert", "tls_key"):
        file: Path | None = getattr(server, key)
        if file is not None and not os.access(file.expanduser(), os.R_OK):
            cure = "`davstore certificate` makes one; a key must be readable for this user"
            yield Problem(f"server.{key}", f"{file} cannot be read", cure)
    first = server.prefix.strip("/").partition("/")[0]
    if first in {"-", *names}:
        cure = "rename one of them: paths below it would mean both"
        yield Problem("server.prefix", f"{first!r} stands at the root already", cure)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
