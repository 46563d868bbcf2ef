"""The catalog's file: made, kept private, set aside when it cannot be used."""

import logging
import sqlite3
import stat
from pathlib import Path

import pytest

from davstore.catalog.database.migrations import SCHEMA
from davstore.catalog.database.opening import FILE_NAME, open_database
from davstore.errors import StateError
from tests.catalog.newer import changed_by_a_newer


def now() -> float:
    return 1_700_000_000.0


def test_a_new_catalog_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    open_database(tmp_path / "state", now).dispose()
    mode = (tmp_path / "state" / FILE_NAME).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


@pytest.mark.parametrize("rubbish", [b"not a database at all, but some text" * 100, b"\0" * 5000])
def test_a_corrupt_catalog_is_kept_aside_and_rebuilt(
    tmp_path: Path, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).write_bytes(rubbish)
    with caplog.at_level(logging.WARNING):
        open_database(tmp_path, now).dispose()
    aside = tmp_path / f"{FILE_NAME}.set-aside-1700000000"
    assert aside.read_bytes() == rubbish
    assert len(caplog.records) == 1
    assert aside.name in caplog.text


def test_a_catalog_of_a_newer_davstore_is_kept_aside_and_rebuilt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_database(tmp_path, now).dispose()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.executescript(changed_by_a_newer(SCHEMA + 1))
    with caplog.at_level(logging.WARNING):
        open_database(tmp_path, now).dispose()
    assert "newer davstore" in caplog.text
    assert list(tmp_path.glob(f"{FILE_NAME}.set-aside-*"))


def test_a_catalog_with_torn_pages_is_kept_aside_and_rebuilt(tmp_path: Path) -> None:
    open_database(tmp_path, now).dispose()
    path = tmp_path / FILE_NAME
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    path.write_bytes(content)
    open_database(tmp_path, now).dispose()
    assert list(tmp_path.glob(f"{FILE_NAME}.set-aside-*"))


def test_a_state_folder_that_is_a_file_is_named_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("I am a file")
    with pytest.raises(StateError, match=r"state.*server\.state"):
        open_database(tmp_path / "state", now)


def test_a_locked_catalog_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_database(tmp_path, now).dispose()
    monkeypatch.setattr("davstore.catalog.database.opening.BUSY_TIMEOUT", 0.1)
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StateError, match="locked"):
            open_database(tmp_path, now)
    finally:
        holder.close()
