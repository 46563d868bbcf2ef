"""What stands on the terminal."""

import time
from collections.abc import Iterator

import pytest
from rich.table import Table

from davstore.cli.screen import day, labelled, minute, out
from davstore.stores.shapes import LATEST


@pytest.fixture(params=["Pacific/Kiritimati", "Etc/GMT+12"])
def _elsewhere(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


def test_what_a_service_says_does_not_command_the_terminal() -> None:
    with out.capture() as captured:
        out.print("Sintel\x1b[2J \x9b31m, two\nlines")
    shown = captured.get()
    assert "Sintel" in shown
    assert "two\nlines" in shown
    assert not {"\x1b", "\x9b"} & set(shown)


def test_names_are_shown_as_they_are() -> None:
    names = "[bold]Sintel[/] :heart: [/x] it\u202eneves\u202c " + "long " * 100
    table = Table("name")
    table.add_row("[/x] :heart:")
    with out.capture() as captured:
        out.print(names)
        out.print(labelled("red", names, names))
        out.print(table)
    shown = captured.get()
    straight = names.replace("\u202e", "?").replace("\u202c", "?")
    assert shown.startswith(f"{straight}\n{straight}: {straight}\n")
    assert "[/x] :heart:" in shown.splitlines()[-2]


@pytest.mark.usefixtures("_elsewhere")
def test_the_latest_moment_has_a_date_everywhere() -> None:
    assert day(LATEST).startswith("9999-12-3")
    assert minute(LATEST).startswith("9999-12-3")
