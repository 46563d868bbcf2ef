"""TOML and environment -> settings, checked as a whole: every problem is reported at once.

Knows no store: each account's own keys are checked by the model that the caller hands in.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import platformdirs
import tomli_w
from pydantic import BaseModel, ByteSize, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from davstore.complaints import nearest, problem
from davstore.errors import ConfigError, Problem
from davstore.view_settings import DEFAULT_VIEWS, ViewSettings

PREFIX = "DAVSTORE_"
Table: TypeAlias = dict[str, Any]

_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(_Checked):
    """`[server]`: where to listen and where to keep what is known."""

    host: str = Field(default="127.0.0.1", description="the address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="the port to listen on")
    workers: int = Field(
        default=1, ge=1, le=64, description="how many processes share the port and the state"
    )
    state: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("davstore"),
        description="the folder of the catalog",
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
    drain: float = Field(
        default=5, ge=0, le=3600,
        description="seconds for which responses under way may go on when the server is stopped",
    )  # fmt: skip


class StreamSettings(_Checked):
    """`[stream]`: how files are fetched. Sizes in bytes or as in "2GiB", times in seconds."""

    first_byte: float = Field(
        default=30, gt=0, le=300, description="seconds to wait for a file host's first byte"
    )
    floor_bytes: ByteSize = Field(
        default=ByteSize(64 * 1024), ge=1,
        description="a host that sends less than this within floor_seconds is given up",
    )  # fmt: skip
    floor_seconds: float = Field(
        default=30, gt=0, le=600, description="seconds in which floor_bytes must come"
    )
    read_ahead_memory: ByteSize = Field(
        default=ByteSize(96 * 1024**2), ge=0, description="what all streams may read ahead together"
    )
    edge_store: ByteSize = Field(
        default=ByteSize(2 * 1024**3), ge=0,
        description="disk space for beginnings and ends of files; 0 keeps none",
    )  # fmt: skip
    edge_head: ByteSize = Field(
        default=ByteSize(1024**2), ge=0, le=64 * 1024**2,
        description="how much of a file's beginning is kept once it was read",
    )  # fmt: skip
    edge_tail: ByteSize = Field(
        default=ByteSize(512 * 1024), ge=0, le=64 * 1024**2,
        description="how much of a file's end is kept once it was read",
    )  # fmt: skip


class User(_Checked):
    """`[[users]]`: a person who may log in."""

    name: str = Field(min_length=1, pattern=r"^[^:\x00-\x1f]+$", description="the login's name")
    password: SecretStr = Field(min_length=1, description="a hash made by `davstore password`")

    @property
    def is_hashed(self) -> bool:
        """Whether the password stands there as a hash."""
        return self.password.get_secret_value().startswith("$argon2")


class AccountSettings(Protocol):
    """What every store's own settings model has."""

    store: str
    url: Any
    connections: int | None
    read_ahead: int


class Settings(_Checked):
    """Everything that is configured; `accounts` by name, each as its store's own model."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    server: ServerSettings = ServerSettings()
    stream: StreamSettings = StreamSettings()
    users: tuple[User, ...] = ()
    accounts: Mapping[str, Any] = {}
    views: Mapping[str, ViewSettings] = {}


def default_file() -> Path:
    """Where the configuration is looked for when nobody says."""
    return platformdirs.user_config_path("davstore") / "config.toml"


def load(
    path: Path | None,
    stores: Mapping[str, type[BaseModel]],
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """The settings of `path` (None: the default file, if there is one) under the environment's.

    `stores` gives the settings model of each store by its word. Raises `ConfigError` with every
    problem found.
    """
    tables = _merged(_file(path), _environment(environ))
    problems = list(_unknown(tables, Settings.model_fields, ""))
    server, found = _validated(ServerSettings, tables.get("server", {}), "server")
    problems += found
    stream, found = _validated(StreamSettings, tables.get("stream", {}), "stream")
    problems += found
    users, found = _users(tables.get("users", []))
    problems += found
    accounts, found = _accounts(tables.get("accounts", {}), stores)
    problems += found
    views, found = _views(tables.get("views"), accounts)
    problems += found
    if server is not None and not tables.get("users") and not _is_loopback(server.host):
        problems.append(
            Problem("server.host", f"{server.host!r} would let anyone in",
                    "add [[users]] with a name and a password, or listen on 127.0.0.1")
        )  # fmt: skip
    if problems or server is None or stream is None:
        raise ConfigError(*problems)
    return Settings(
        server=server, stream=stream, users=tuple(users), accounts=accounts, views=views
    )


def effective(settings: Settings) -> str:
    """The settings in force as TOML, secrets masked."""
    return tomli_w.dumps(
        {
            "server": settings.server.model_dump(mode="json"),
            "stream": settings.stream.model_dump(mode="json"),
            "users": [user.model_dump(mode="json") for user in settings.users],
            "accounts": {
                name: account.model_dump(mode="json", exclude_none=True)
                for name, account in settings.accounts.items()
            },
            "views": {
                name: view.model_dump(mode="json", by_alias=True, exclude_defaults=True)
                for name, view in settings.views.items()
            },
        }
    )


def _file(path: Path | None) -> Table:
    if path is None:
        path = default_file()
        if not path.exists():
            return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        cure = "name the file with --config, or see `davstore serve --help`"
        raise ConfigError(Problem(str(path), f"{error.strerror}", cure)) from None
    except UnicodeDecodeError:
        raise ConfigError(Problem(str(path), "is not UTF-8", "save it as UTF-8")) from None
    except tomllib.TOMLDecodeError as error:
        cure = "mend the line; TOML is explained at https://toml.io"
        raise ConfigError(Problem(str(path), f"is not TOML: {error}", cure)) from None


class _Environment(BaseSettings):
    """Only the shape: pydantic-settings reads `DAVSTORE_SERVER__PORT` into nested tables."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore")

    server: dict[str, Any] = {}
    stream: dict[str, Any] = {}
    users: list[Any] | dict[str, Any] = []
    accounts: dict[str, dict[str, Any]] = {}
    views: dict[str, dict[str, Any]] = {}


def _environment(environ: Mapping[str, str]) -> Table:
    source = EnvSettingsSource(_Environment)
    source.env_vars = {k.lower(): v for k, v in environ.items() if k.upper().startswith(PREFIX)}
    try:
        tables: Table = source()
    except ValueError as error:
        cure = "lists and tables are written as JSON there"
        raise ConfigError(Problem(PREFIX + "…", f"cannot be read ({error})", cure)) from None
    if isinstance(tables.get("users"), dict):
        tables["users"] = list(tables["users"].values())
    return tables


def _merged(below: Table, above: Table) -> Table:
    """`above` wins; tables are merged, their names matched whatever their case."""
    merged = dict(below)
    for name, value in above.items():
        match = next((k for k in below if k.lower() == name.lower()), name)
        old = merged.get(match)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[match] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _users(rows: Any) -> tuple[list[User], list[Problem]]:
    if not isinstance(rows, list):
        return [], [
            Problem("users", "is not a list", "write each as [[users]], or JSON in DAVSTORE_USERS")
        ]
    users: list[User] = []
    problems: list[Problem] = []
    for at, row in enumerate(rows):
        user, found = _validated(User, row, f"users.{at}")
        problems += found
        if user is not None and user.name in {other.name for other in users}:
            problems.append(Problem(f"users.{at}.name", f"{user.name!r} stands there twice",
                                    "give each user a name of their own"))  # fmt: skip
        elif user is not None:
            users.append(user)
    return users, problems


def _accounts(
    tables: Any, stores: Mapping[str, type[BaseModel]]
) -> tuple[dict[str, BaseModel], list[Problem]]:
    if not isinstance(tables, dict):
        return {}, [Problem("accounts", "is not a table", "write each as [accounts.NAME]")]
    if not tables:
        cure = "add [accounts.NAME] with store and token, or try `davstore demo`"
        return {}, [Problem("accounts", "there is none", cure)]
    accounts: dict[str, BaseModel] = {}
    problems: list[Problem] = []
    for name, table in tables.items():
        account, found = _account(name, table, stores)
        problems += found
        if name.lower() in {other.lower() for other in accounts}:
            problems.append(Problem(f"accounts.{name}", "differs from another only by case",
                                    "rename one of them"))  # fmt: skip
        if account is not None:
            accounts[name] = account
    return accounts, problems


def _account(
    name: str, table: Any, stores: Mapping[str, type[BaseModel]]
) -> tuple[BaseModel | None, list[Problem]]:
    place = f"accounts.{name}"
    problems = _no_name(name, place)
    if not isinstance(table, dict):
        return None, [*problems, Problem(place, "is not a table", f"write it as [{place}]")]
    known = ", ".join(stores)
    word = table.get("store")
    if word is None:
        return None, [*problems, Problem(f"{place}.store", "is missing", f"one of {known}")]
    if word not in stores:
        near = nearest(str(word), stores)
        return None, [
            *problems,
            Problem(f"{place}.store", f"{word!r} is not known", f"{near}one of {known}"),
        ]
    account, found = _validated(stores[word], table, place)
    return account, problems + found


def _no_name(name: str, place: str) -> list[Problem]:
    if _ACCOUNT_NAME.fullmatch(name) and not name.endswith((".", " ")):
        return []
    cure = "it becomes a folder: use letters, digits, spaces and . _ - (at most 64)"
    return [Problem(place, "is no name for a folder", cure)]


def _views(
    tables: Any, accounts: Mapping[str, object]
) -> tuple[dict[str, ViewSettings], list[Problem]]:
    taken = {name.lower() for name in accounts}
    if tables is None:
        return {n: view for n, view in DEFAULT_VIEWS.items() if n.lower() not in taken}, []
    if not isinstance(tables, dict):
        return {}, [Problem("views", "is not a table", "write each as [views.NAME]")]
    views: dict[str, ViewSettings] = {}
    problems: list[Problem] = []
    for name, table in tables.items():
        place = f"views.{name}"
        problems += _no_name(name, place)
        if name.lower() in taken:
            cure = "rename one of them: both would be the same folder"
            problems.append(Problem(place, "is the name of another view or an account", cure))
        taken.add(name.lower())
        view, found = _validated(ViewSettings, table, place)
        problems += found
        for account in view.accounts if view else ():
            if account not in accounts:
                cure = nearest(account, accounts) + f"known are {', '.join(accounts)}"
                problems.append(Problem(f"{place}.accounts", f"{account!r} is not known", cure))
        if view is not None:
            views[name] = view
    return views, problems


def _validated(model: type[Any], table: Any, place: str) -> tuple[Any | None, list[Problem]]:
    try:
        return model.model_validate(table), []
    except ValidationError as error:
        return None, [problem(model, detail, place) for detail in error.errors()]


def _unknown(table: Table, known: Mapping[str, object], place: str) -> Iterator[Problem]:
    for name in table:
        if name not in known:
            cure = nearest(name, known) + f"known are {', '.join(known)}"
            yield Problem(f"{place}{name}", "is not known", cure)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
