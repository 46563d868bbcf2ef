"""Settings in variables of the environment, read by pydantic-settings."""

from collections.abc import Mapping
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from davstore.config.words import Table


class _Shape(BaseSettings):
    """Only the shape: pydantic-settings reads `DAVSTORE_SERVER__PORT` into nested tables."""

    model_config = SettingsConfigDict(env_nested_delimiter="__", extra="ignore")

    server: dict[str, Any] = {}
    stream: dict[str, Any] = {}
    log: dict[str, Any] = {}
    users: list[Any] | dict[str, Any] = []
    accounts: dict[str, dict[str, Any]] = {}
    shares: dict[str, dict[str, Any]] = {}
    views: dict[str, dict[str, Any]] = {}
    hooks: list[Any] = []


def tables(variables: Mapping[str, str], prefix: str) -> Table:
    """What the `variables` say whose names begin with the `prefix`. Raises `ValueError`."""
    source = EnvSettingsSource(_Shape, env_prefix=prefix)
    source.env_vars = {name.lower(): value for name, value in variables.items()}
    return source()
