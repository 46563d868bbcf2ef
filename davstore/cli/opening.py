"""The state, as commands open it: let go of in the end, however that comes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from davstore.catalog import Engine, look_into, open_database
from davstore.config import Settings


@contextmanager
def state_of(settings: Settings) -> Iterator[Engine]:
    """The state, made where there is none yet. Raises `StateError`."""
    server = settings.server
    engine = open_database(server.state, time.time, database=server.database)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def known_of(settings: Settings) -> Iterator[Engine | None]:
    """The state to be read only, None where there is none. Raises `StateError`."""
    engine = look_into(settings.server.state, settings.server.database)
    try:
        yield engine
    finally:
        if engine is not None:
            engine.dispose()
