"""Where settings come from: a TOML file, and the environment above it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from davstore.config.words import Table
from davstore.errors import ConfigError, Problem

PREFIX = "DAVSTORE_"


def default_file() -> Path:
    """Where the configuration is looked for when nobody says."""
    return platformdirs.user_config_path("davstore") / "config.toml"


def file(path: Path | None) -> Table:
    """What `path` says (None: the default file, if there is one). Raises `ConfigError`."""
    place = path or default_file()
    try:
        return tomllib.loads(place.read_text("utf-8"))
    except OSError as error:
        if path is None and isinstance(error, FileNotFoundError):
            return {}
        cure = "name the file with --config, or see `davstore serve --help`"
        raise ConfigError(Problem(str(place), f"{error.strerror}", cure)) from None
    except UnicodeDecodeError:
        raise ConfigError(Problem(str(place), "is not UTF-8", "save it as UTF-8")) from None
    except tomllib.TOMLDecodeError as error:
        cure = "mend the line; TOML is explained at https://toml.io"
        raise ConfigError(Problem(str(place), f"is not TOML: {error}", cure)) from None


def environment(environ: Mapping[str, str]) -> Table:
    """What the variables say. Raises `ConfigError`."""
    named = {k: v for k, v in environ.items() if k.upper().startswith(PREFIX)}
    if not named:
        return {}
    from davstore.config.variables import tables  # noqa: PLC0415 - most have none, and it is slow

    try:
        found = tables(named, PREFIX)
    except ValueError as error:
        cure = "lists and tables are written as JSON there"
        raise ConfigError(Problem(PREFIX + "…", f"cannot be read ({error})", cure)) from None
    if isinstance(found.get("users"), dict):
        found["users"] = list(found["users"].values())
    return found


def merged(below: Table, above: Table) -> Table:
    """`above` wins; tables are merged, their names matched whatever their case."""
    joined = dict(below)
    for name, value in above.items():
        match = next((k for k in below if k.lower() == name.lower()), name)
        old = joined.get(match)
        both = isinstance(old, dict) and isinstance(value, dict)
        joined[match] = merged(old, value) if both else value  # type: ignore[arg-type]
    return joined
