"""When hooks are told: once it is quiet, until they have heard it, and by one process."""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from davstore.catalog import Outbox, open_database
from davstore.config import Database
from davstore.config.hooks import KINDS, AnyHook
from davstore.hooks import Hooks, wait_before
from davstore.hooks.watching import GIVEN_UP, KEPT_BACK
from davstore.model import Folder
from tests.hooks.receivers import Taking, Told, running

NOW = 1_800_000_000.0


class House:
    """Folders that come and go, and one hook that hears of them."""

    def __init__(self, folder: Path, told: Told, database: Database | None) -> None:
        self.state = folder
        self.database = database
        self.told = told
        self.now = NOW
        self.ours = True
        self.names: dict[str, Folder] = {}
        self.add("Sintel (2010)")
        self.hook = self.hook_called("home")
        self.hooks = self.opened()

    def hook_called(self, name: str, **settings: Any) -> AnyHook:
        return KINDS["webhook"].model_validate(
            {"kind": "webhook", "name": name, "url": self.told.url, **settings}
        )

    def opened(self, hook: AnyHook | None = None) -> Hooks:
        engine = open_database(self.state, lambda: self.now, database=self.database)
        self.outbox = Outbox(engine)
        return Hooks([hook or self.hook], self.outbox, self.tree, lambda: self.ours,
                     clock=lambda: self.now)  # fmt: skip

    def add(self, name: str) -> None:
        self.names[name] = Folder(name, MappingProxyType({}), NOW)

    def tree(self) -> Mapping[str, Folder]:
        return {"/Movies": Folder("Movies", MappingProxyType(dict(self.names)), NOW)}

    def step(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.hooks.look()
        self.hooks.tell(self.hook)

    def heard(self) -> list[list[tuple[str, str]]]:
        return [
            [(change["was"], change["path"]) for change in json.loads(body)["data"]["changes"]]
            for _, _, body, _ in self.told.calls
        ]

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _, _, _, headers in self.told.calls]


@pytest.fixture
def house(tmp_path: Path, database: Database | None) -> Iterator[House]:
    with running(Taking) as told:
        yield House(tmp_path, told, database)


def test_nothing_is_told_of_what_was_there_at_the_start(house: House) -> None:
    house.step()
    house.step(100)
    assert house.heard() == []


def test_a_change_is_told_once_when_it_has_been_quiet(house: House) -> None:
    house.step()
    house.add("Elephants Dream (2006)")
    house.step()
    assert house.heard() == []
    house.step(house.hook.quiet)
    house.step(100)
    assert house.heard() == [[("added", "/Movies/Elephants Dream (2006)")]]


def test_what_never_rests_is_told_at_the_latest(house: House) -> None:
    house.step()
    for at in range(10):
        house.add(f"Film {at}")
        house.step(house.hook.quiet - 1)
    assert house.heard() == []
    for at in range(10, 20):
        house.add(f"Film {at}")
        house.step(house.hook.quiet - 1)
    assert len(house.heard()) == 1


def test_what_came_and_went_meanwhile_is_told_as_gone(house: House) -> None:
    house.step()
    house.add("Charge (2022)")
    house.step()
    del house.names["Charge (2022)"]
    house.step(1)
    house.step(house.hook.quiet)
    assert house.heard() == [[("removed", "/Movies/Charge (2022)")]]


def test_a_hook_that_is_away_is_told_later_and_the_same(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.step()
    house.told.status = 503
    del house.names["Sintel (2010)"]
    house.step()
    house.step(house.hook.quiet)
    house.step(1)
    assert len(house.heard()) == 1, "it is not asked again at once"
    for tries in range(1, 6):
        house.step(wait_before(tries))
    assert len(house.heard()) == 6
    house.told.status = 0
    house.step(wait_before(6))
    assert house.heard()[-1] == [("removed", "/Movies/Sintel (2010)")]
    assert len(set(house.ids())) == 1
    house.step(10_000)
    assert len(house.heard()) == 7
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 1


def test_a_restart_loses_nothing_that_was_to_be_told(house: House) -> None:
    house.step()
    house.add("Spring (2019)")
    house.step()
    house.hooks.stop()
    house.hooks = house.opened()
    house.step(house.hook.quiet)
    assert house.heard() == [[("added", "/Movies/Spring (2019)")]]


def test_what_could_not_be_told_for_a_day_is_dropped(house: House) -> None:
    house.step()
    house.told.status = 500
    house.add("Spring (2019)")
    house.step()
    house.step(house.hook.quiet)
    house.step(GIVEN_UP + 1)
    assert house.outbox.untold("home") == []
    house.told.status = 0
    house.add("Charge (2022)")
    house.step()
    house.step(house.hook.quiet)
    assert house.heard()[-1] == [("added", "/Movies/Charge (2022)")]


def test_very_many_changes_are_told_as_one_of_the_folder_above(house: House) -> None:
    house.step()
    for at in range(150):
        house.add(f"Film {at}")
    house.step()
    house.step(house.hook.quiet)
    assert house.heard() == [[("changed", "/Movies")]]


def test_only_changes_in_the_map_are_kept_for_a_hook(house: House) -> None:
    house.hook = house.hook_called("home", map={"/Shows": "/mnt/Shows"})
    house.hooks = house.opened(house.hook)
    house.step()
    house.add("Spring (2019)")
    house.step()
    assert house.outbox.untold("home") == []


def test_of_two_processes_one_tells_and_the_other_takes_over(house: House) -> None:
    first, second = house.hooks, house.opened()
    for each, ours in ((first, True), (second, False)):
        house.ours = ours
        each.look()
    house.add("Spring (2019)")  # noticed by the second alone: the first dies
    house.now += KEPT_BACK / 2
    house.ours = False
    second.look()
    second.tell(house.hook)
    assert house.heard() == []
    house.now += KEPT_BACK / 2
    house.ours = True
    second.look()
    house.now += house.hook.quiet
    second.tell(house.hook)
    assert house.heard() == [[("added", "/Movies/Spring (2019)")]]


def test_who_stands_by_for_long_does_not_tell_old_news(house: House) -> None:
    house.ours = False
    house.step()
    house.add("Spring (2019)")
    for _ in range(5):
        house.step(KEPT_BACK)
    house.ours = True
    house.step()
    house.step(100)
    assert house.heard() == []


def test_what_is_configured_no_more_is_forgotten(house: House) -> None:
    house.step()
    house.add("Spring (2019)")
    house.step()
    house.outbox.keep_only(["other"])
    assert house.outbox.untold("home") == []


def test_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    assert [wait_before(tries) for tries in (1, 2, 3, 9, 5000)] == [5, 10, 20, 900, 900]
