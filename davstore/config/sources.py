"""Where settings come from: a TOML file, and the environment above it."""

import contextlib
import json
import tomllib
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, Final

import platformdirs

from davstore.config.words import Table
from davstore.errors import ConfigError, Problem

PREFIX: Final = "davstore_"
LISTS: Final = frozenset({"users", "hooks"})


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


def environment(environ: Mapping[str, str], sections: Container[str]) -> Table:
    """What variables such as `DAVSTORE_SERVER__PORT` say, or `DAVSTORE_USERS`; lists and tables are
    JSON there, and an empty one says nothing. Others have names with this beginning too: those
    without `__` that are none of the `sections` are not ours.
    """
    found: Table = {}
    for variable, text in environ.items():
        section, *keys = variable.lower().removeprefix(PREFIX).split("__")
        is_ours = variable.lower().startswith(PREFIX) and (keys or section in sections)
        if is_ours and text:
            value = _value(text)
            for key in reversed(keys):
                value = {key: value}
            found = merged(found, {section: value})
    return {name: _rows(said) if name in LISTS else said for name, said in found.items()}


def _value(text: str) -> Any:
    """Other kinds than lists and tables are read by who knows what the setting is to be."""
    if text.lstrip().startswith(("[", "{")):
        with contextlib.suppress(ValueError):
            return json.loads(text)
    return text


def _rows(said: Any) -> Any:
    """The list of what is numbered, or named: `DAVSTORE_USERS__0__NAME`. Each may be several."""
    if not isinstance(said, dict):
        return said
    return [row for each in said.values() for row in (each if isinstance(each, list) else [each])]


def merged(below: Table, above: Table) -> Table:
    """`above` wins; tables are merged, their names matched whatever their case."""
    joined = dict(below)
    for name, value in above.items():
        match = next((k for k in below if k.lower() == name.lower()), name)
        old = joined.get(match)
        both = isinstance(old, dict) and isinstance(value, dict)
        joined[match] = merged(old, value) if both else value  # type: ignore[arg-type]
    return joined
