"""Where settings come from: a TOML file, and the environment above it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from davstore.config.words import Table
from davstore.errors import ConfigError, Problem

PREFIX = "DAVSTORE_"


def default_file() -> Path:
    """Where the configuration is looked for when nobody says."""
    return platformdirs.user_config_path("davstore") / "config.toml"


def file(path: Path | None) -> Table:
    """What `path` says (None: the default file, if there is one). Raises `ConfigError`."""
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
    log: dict[str, Any] = {}
    users: list[Any] | dict[str, Any] = []
    accounts: dict[str, dict[str, Any]] = {}
    shares: dict[str, dict[str, Any]] = {}
    views: dict[str, dict[str, Any]] = {}
    hooks: list[Any] = []


def environment(environ: Mapping[str, str]) -> Table:
    """What the variables say. Raises `ConfigError`."""
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


def merged(below: Table, above: Table) -> Table:
    """`above` wins; tables are merged, their names matched whatever their case."""
    joined = dict(below)
    for name, value in above.items():
        match = next((k for k in below if k.lower() == name.lower()), name)
        old = joined.get(match)
        both = isinstance(old, dict) and isinstance(value, dict)
        joined[match] = merged(old, value) if both else value  # type: ignore[arg-type]
    return joined
