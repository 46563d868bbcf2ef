"""TOML and environment -> settings, checked as a whole: every problem is reported at once.

Knows no store: each account's own keys are checked by the model that the caller hands in.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import tomli_w
from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from davstore.config.arranged import arranged
from davstore.config.server import Checked, server_problems
from davstore.config.server import Database as Database
from davstore.config.server import Network as Network
from davstore.config.server import ServerSettings as ServerSettings
from davstore.config.sources import default_file as default_file
from davstore.config.sources import environment, file, merged
from davstore.config.told import hooks as told
from davstore.config.words import nearest, problem, unknown
from davstore.errors import ConfigError, Problem
from davstore.hook_settings import AnyHook
from davstore.logs import Form, Level
from davstore.view_settings import ViewSettings

Table: TypeAlias = dict[str, Any]

ANONYMOUS = "anonymous"
"""The name that lets in whoever does not log in, if a user without a password has it."""
_SHARE_NAME = re.compile(r"[a-z0-9][a-z0-9 ._-]{0,63}")
_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


class StreamSettings(Checked):
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
        default=ByteSize(64 * 1024**2), ge=0, description="what all streams may read ahead together"
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


class LogSettings(Checked):
    """`[log]`: what is logged, and how."""

    level: Level = Field(default="info", description="debug, info, warning or error")
    format: Form = Field(default="text", description="text, or json: one object a line")


Right: TypeAlias = Literal["read", "add", "delete", "watch", "manage"]


class User(Checked):
    """`[[users]]`: a person who may log in."""

    name: str = Field(min_length=1, pattern=r"^[^:\x00-\x1f]+$", description="the login's name")
    password: SecretStr | None = Field(
        default=None, min_length=1, description="a hash made by `davstore password`"
    )
    digest: SecretStr | None = Field(
        default=None,
        description="lets this user log in by Digest; made by `davstore password --digest NAME`",
    )  # fmt: skip
    accounts: tuple[str, ...] | None = Field(
        default=None, description="the accounts and shares that this user sees; all if not said"
    )
    rights: tuple[Right, ...] = Field(default=("read",), description="what this user may do")

    @field_validator("digest")
    @classmethod
    def _made_by_us(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch("[0-9a-fA-F]{32}", value.get_secret_value()):
            raise ValueError("is no digest; `davstore password --digest NAME` makes one")
        return value

    @property
    def is_hashed(self) -> bool:
        """Whether no password stands there plain."""
        return self.password is None or self.password.get_secret_value().startswith("$argon2")


class Share(Checked):
    """`[shares.NAME]`: a folder of this machine that stands beside the accounts."""

    kind: Literal["scratch"] = Field(description="a place to write")
    path: Path = Field(description="the folder; made if it is missing")
    limit: ByteSize = Field(
        default=ByteSize(1024**3), ge=1024**2, le=1024**5,
        description="bytes that its files may take together",
    )  # fmt: skip


class AccountSettings(Protocol):
    """What every store's own settings model has."""

    store: str
    url: Any
    connections: int | None
    read_ahead: int


class Settings(Checked):
    """Everything that is configured; `accounts` by name, each as its store's own model."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    server: ServerSettings = ServerSettings()
    stream: StreamSettings = StreamSettings()
    log: LogSettings = LogSettings()
    users: tuple[User, ...] = ()
    accounts: Mapping[str, Any] = {}
    shares: Mapping[str, Share] = {}
    views: Mapping[str, ViewSettings] = {}
    hooks: tuple[AnyHook, ...] = ()


def load(
    path: Path | None,
    stores: Mapping[str, type[BaseModel]],
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """The settings of `path` (None: the default file, if there is one) under the environment's.

    `stores` gives the settings model of each store by its word. Raises `ConfigError` with every
    problem found.
    """
    tables = merged(file(path), environment(environ, Settings.model_fields))
    problems = list(unknown(tables, Settings.model_fields, ""))
    server, found = _validated(ServerSettings, tables.get("server", {}), "server")
    problems += found
    stream, found = _validated(StreamSettings, tables.get("stream", {}), "stream")
    problems += found
    log, found = _validated(LogSettings, tables.get("log", {}), "log")
    problems += found
    users_file = server.users_file if server else None
    users, found = _users(tables.get("users", []), has_file=users_file is not None)
    problems += found
    accounts, found = _accounts(tables.get("accounts", {}), stores)
    problems += found
    shares, found = _shares(tables.get("shares", {}), accounts, server)
    problems += found
    views, found = arranged(tables.get("views"), accounts, shares)
    problems += found
    hooks, found = told(tables.get("hooks", []))
    problems += found
    problems += _unseen(users, [*_names(tables.get("accounts")), *shares, *views])
    if server is not None:
        is_open = not tables.get("users") and users_file is None
        problems += server_problems(server, [*accounts, *shares, *views], is_open=is_open)
    if problems or server is None or stream is None or log is None:
        raise ConfigError(*problems)
    return Settings(
        server=server,
        stream=stream,
        log=log,
        users=tuple(users),
        accounts=accounts,
        shares=shares,
        views=views,
        hooks=hooks,
    )


def effective(settings: Settings) -> str:
    """The settings in force as TOML, secrets masked."""
    return tomli_w.dumps(
        {
            "server": settings.server.model_dump(mode="json", exclude_none=True),
            "stream": settings.stream.model_dump(mode="json"),
            "log": settings.log.model_dump(mode="json"),
            "users": [user.model_dump(mode="json", exclude_none=True) for user in settings.users],
            "accounts": {
                name: account.model_dump(mode="json", exclude_none=True)
                for name, account in settings.accounts.items()
            },
            "shares": {n: share.model_dump(mode="json") for n, share in settings.shares.items()},
            "views": {
                name: view.model_dump(mode="json", by_alias=True, exclude_defaults=True)
                for name, view in settings.views.items()
            },
            "hooks": [hook.model_dump(mode="json", exclude_none=True) for hook in settings.hooks],
        }
    )


def _users(rows: Any, *, has_file: bool) -> tuple[list[User], list[Problem]]:
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
            is_closed = user.password is None and user.digest is None and not has_file
            if is_closed and user.name != ANONYMOUS:
                problems.append(Problem(f"users.{at}.password", "is missing",
                                        "a hash made by `davstore password`"))  # fmt: skip
    return users, problems


def _accounts(
    tables: Any, stores: Mapping[str, type[BaseModel]]
) -> tuple[dict[str, BaseModel], list[Problem]]:
    if not isinstance(tables, dict):
        return {}, [Problem("accounts", "is not a table", "write each as [accounts.NAME]")]
    if not tables:
        cure = "`davstore setup` asks for one, or add [accounts.NAME]; `davstore demo` needs none"
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
    problems = []
    if not _ACCOUNT_NAME.fullmatch(name) or name.endswith((".", " ")):
        cure = "it becomes a folder: use letters, digits, spaces and . _ - (at most 64)"
        problems.append(Problem(place, "is no name for an account", cure))
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


def _shares(
    tables: Any, accounts: Mapping[str, object], server: ServerSettings | None
) -> tuple[dict[str, Share], list[Problem]]:
    if not isinstance(tables, dict):
        return {}, [Problem("shares", "is not a table", "write each as [shares.NAME]")]
    shares: dict[str, Share] = {}
    problems: list[Problem] = []
    for name, table in tables.items():
        place = f"shares.{name}"
        if not _SHARE_NAME.fullmatch(name) or name.endswith((".", " ")):
            cure = "it becomes a folder: use small letters, digits, spaces and . _ - (at most 64)"
            problems.append(Problem(place, "is no name for a share", cure))
        if name.lower() in {other.lower() for other in accounts}:
            problems.append(Problem(place, "is an account's name too", "rename one of them"))
        share, found = _validated(Share, table, place)
        problems += found
        if share is not None and server is not None and _overlap(share.path, server.state):
            cure = "choose another: what stands there is davstore's own"
            problems.append(Problem(f"{place}.path", "overlaps with the state folder", cure))
        if share is not None:
            shares[name] = share
    return shares, problems


def _names(table: Any) -> list[str]:
    return list(table) if isinstance(table, dict) else []


def _overlap(one: Path, other: Path) -> bool:
    one, other = one.expanduser().resolve(), other.expanduser().resolve()
    return one.is_relative_to(other) or other.is_relative_to(one)


def _unseen(users: Sequence[User], known: Collection[str]) -> Iterator[Problem]:
    for at, user in enumerate(users):
        for name in user.accounts or ():
            if name not in known:
                cure = nearest(name, dict.fromkeys(known)) + f"known are {', '.join(known)}"
                yield Problem(f"users.{at}.accounts", f"{name!r} is not known", cure)


def _validated(model: type[Any], table: Any, place: str) -> tuple[Any | None, list[Problem]]:
    try:
        return model.model_validate(table), []
    except ValidationError as error:
        return None, [problem(model, detail, place) for detail in error.errors()]
