"""Logging in by a code: played to the end, refused, too late; renewing; what is kept, and how."""

import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from davstore.catalog import PassRecord, open_database, passes_of
from davstore.config import Database
from davstore.errors import AccountProblem, NotAuthorized, Refused, StateError, StoreUnavailable
from davstore.simulator import Fault, Simulator
from davstore.stores import STORES, alldebrid
from davstore.stores.alldebrid import AllDebrid
from davstore.stores.base import Means
from davstore.stores.login import Invitation, await_confirmation, log_in
from davstore.stores.passes import Pass, Passes, PassFile


@dataclass
class Clock:
    """Time that passes only while somebody sleeps; something may happen meanwhile."""

    now: float = 1_767_300_000.0
    events: list[Any] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.events:
            self.events.pop(0)()


@pytest.fixture
def clock(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(alldebrid.api, "RATES", ())  # by the time on the wall
    sim.alldebrid.strict = False
    sim.realdebrid.clock = sim.alldebrid.clock = clock
    return clock


@dataclass
class Opening:
    sim: Simulator
    clock: Clock
    state: Path
    engine: Engine | None = None
    opened: list[Any] = field(default_factory=list)

    def __call__(self, name: str, **changes: Any) -> Any:
        service = getattr(self.sim, name)
        keys = {**service.settings, "login": True, **changes}
        if keys["login"]:
            del keys["token"]
        passes: Passes = (
            PassFile(self.state, name, keys["url"]) if self.engine is None
            else PassRecord(self.engine, name, keys["url"])
        )  # fmt: skip
        kind = STORES[keys["store"]]
        means = Means(now=self.clock, sleep=self.clock.sleep, passes=passes)
        store = kind.open(name, kind.settings.model_validate(keys), means)
        self.opened.append(store)
        return store

    @property
    def kept(self) -> list[object]:
        """What stands on disk of all logins."""
        return list(self.state.rglob("*.json") if self.engine is None else passes_of(self.engine))

    def in_(self, name: str) -> Any:
        """A store that somebody has let in."""
        store = self(name)
        login = getattr(self.sim, name).login
        log_in(store, lambda i: login.accept(i.code), now=self.clock, sleep=self.clock.sleep)
        return store


@pytest.fixture
def opening(
    sim: Simulator, clock: Clock, tmp_path: Path, database: Database | None
) -> Iterator[Opening]:
    engine = None if database is None else open_database(tmp_path, clock, database=database)
    opening = Opening(sim, clock, tmp_path, engine)
    yield opening
    for store in opening.opened:
        store.close()
    if engine is not None:
        engine.dispose()


def nothing(_: Invitation) -> None:
    pass


@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_a_code_that_is_typed_lets_us_in(opening: Opening, name: str) -> None:
    store, login = opening(name), getattr(opening.sim, name).login
    told: list[Invitation] = []

    def tell(invitation: Invitation) -> None:
        told.append(invitation)
        opening.clock.events = [lambda: None, lambda: login.accept(invitation.code)]

    log_in(store, tell, now=opening.clock, sleep=opening.clock.sleep)
    assert store.account().user == "ada"
    assert told[0].code in told[0].direct
    assert opening(name).account().user == "ada", "another process finds the pass too"


@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_a_code_that_is_refused_says_so_at_once(opening: Opening, name: str) -> None:
    store, login = opening(name), getattr(opening.sim, name).login
    began = opening.clock.now
    with pytest.raises(NotAuthorized, match="refused"):
        log_in(store, lambda i: login.deny(i.code), now=opening.clock, sleep=opening.clock.sleep)
    assert opening.clock.now - began < 60


@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_a_code_that_nobody_types_runs_out(opening: Opening, name: str) -> None:
    with pytest.raises(NotAuthorized, match=r"in time.*davstore login"):
        log_in(opening(name), nothing, now=opening.clock, sleep=opening.clock.sleep)
    assert not opening.kept


@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_a_service_that_fails_meanwhile_is_waited_for(opening: Opening, name: str) -> None:
    store, service = opening(name), getattr(opening.sim, name)

    def tell(invitation: Invitation) -> None:
        service.login.accept(invitation.code)
        path = "credentials" if name == "realdebrid" else "pin/check"
        service.faults.add(Fault("status", path, times=2, status=502))

    log_in(store, tell, now=opening.clock, sleep=opening.clock.sleep)
    assert store.account().user == "ada"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_what_a_login_brought_is_the_owners_alone(opening: Opening, name: str) -> None:
    opening.in_(name)
    (kept,) = opening.state.rglob("*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert "SIMULATED" in kept.read_text()
    assert "SIMULATED" not in repr(PassFile(opening.state, name, "").read())
    assert "SIMULATED" not in repr(Pass("SIMULATED", 0.0, {"code": "SIMULATED"}))


@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_without_a_login_it_is_said_what_to_do(opening: Opening, name: str) -> None:
    with pytest.raises(NotAuthorized, match=f"davstore login {name}"):
        opening(name).account()
    assert getattr(opening.sim, name).count() == 0


@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_who_has_a_token_needs_no_code(opening: Opening, name: str) -> None:
    with pytest.raises(NotAuthorized, match="login = true"):
        opening(name, login=False).invite()


@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_another_service_is_never_sent_our_token(opening: Opening, name: str) -> None:
    opening.in_(name)
    stranger = getattr(opening.sim, name).url.replace("127.0.0.1", "localhost")
    with pytest.raises(NotAuthorized, match="davstore login"):
        opening(name, url=stranger).account()


@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_logging_out_leaves_nothing(opening: Opening, name: str) -> None:
    store = opening.in_(name)
    store.log_out()
    assert not opening.kept
    with pytest.raises(NotAuthorized):
        store.account()
    assert not opening.sim.realdebrid.login.tokens


def test_a_pass_that_cannot_be_forgotten_is_not_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "logins" / "rd.json").mkdir(parents=True)  # not even root unlinks a folder
    with pytest.raises(StateError):
        PassFile(tmp_path, "rd", "here").drop()


def test_a_token_is_renewed_before_it_ends(opening: Opening) -> None:
    store, login = opening.in_("realdebrid"), opening.sim.realdebrid.login
    opening.clock.now += login.token_life - 300
    assert store.account().user == "ada"
    assert login.renewals == 1
    assert opening.sim.realdebrid.faults is not None
    assert all(call.status == 200 for call in opening.sim.realdebrid.calls if "user" in call.path)


def test_a_refused_token_is_renewed_once(opening: Opening) -> None:
    store, login = opening.in_("realdebrid"), opening.sim.realdebrid.login
    login.tokens.clear()
    assert store.account().user == "ada"
    assert login.renewals == 1


def test_many_threads_and_processes_renew_once(opening: Opening) -> None:
    stores = [opening.in_("realdebrid"), opening("realdebrid")]
    login = opening.sim.realdebrid.login
    login.tokens.clear()
    users: list[str] = []
    threads = [
        threading.Thread(target=lambda s=store: users.append(s.account().user))
        for store in stores * 8
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert users == ["ada"] * 16
    assert login.renewals == 1


def test_a_revoked_login_is_said_and_not_asked_again(opening: Opening) -> None:
    store, service = opening.in_("realdebrid"), opening.sim.realdebrid
    service.login.revoke()
    for _ in range(3):
        with pytest.raises(NotAuthorized, match="davstore login realdebrid"):
            store.account()
    assert service.count("/token") == 2, "once for the login, once in vain"


def test_a_renewal_that_fails_leaves_the_token_in_use_while_it_holds(opening: Opening) -> None:
    store, service = opening.in_("realdebrid"), opening.sim.realdebrid
    opening.clock.now += service.login.token_life - 300
    service.faults.add(Fault("status", "/token", times=None, status=503))
    assert store.account().user == "ada"
    opening.clock.now += 400
    with pytest.raises(StoreUnavailable):
        store.account()


def test_who_comes_while_it_is_renewed_goes_on_with_what_holds(opening: Opening) -> None:
    store, service = opening.in_("realdebrid"), opening.sim.realdebrid
    opening.clock.now += service.login.token_life - 300
    service.faults.add(Fault("status", "/token", status=503))
    users: list[str] = []

    def meanwhile() -> None:
        other = threading.Thread(target=lambda: users.append(store.account().user))
        other.start()
        other.join(20)
        users.append("and then")

    opening.clock.events = [meanwhile]
    assert store.account().user == "ada"
    assert users == ["ada", "and then"]
    assert service.login.renewals == 1


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_database_that_fails_leaves_the_token_in_use_while_it_holds(opening: Opening) -> None:
    store, life = opening.in_("realdebrid"), opening.sim.realdebrid.login.token_life
    assert opening.engine is not None
    with opening.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE leases RENAME TO away")
    opening.clock.now += life - 300
    assert store.account().user == "ada"
    opening.clock.now += 400
    with pytest.raises(StoreUnavailable, match="cannot be kept or read"):
        store.account()


def test_a_renewal_survives_a_dropped_connection(opening: Opening) -> None:
    store, service = opening.in_("realdebrid"), opening.sim.realdebrid
    service.login.tokens.clear()
    service.faults.add(Fault("reset", "/token"))
    assert store.account().user == "ada"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"source": 3}', '{"token": "x"}'])
def test_a_broken_pass_is_none(tmp_path: Path, content: str) -> None:
    passes = PassFile(tmp_path, "rd", "here")
    passes.write(Pass("x"))
    (tmp_path / "logins" / "rd.json").write_text(content)
    assert passes.read() is None


class TestANewPlace:
    """AllDebrid mails its owner, and refuses every call until that is answered."""

    @pytest.fixture
    def store(self, opening: Opening) -> AllDebrid:
        opening.sim.alldebrid.login.mailed = "SIMULATED-MAIL"
        store = opening("alldebrid", login=False)
        assert isinstance(store, AllDebrid)
        return store

    def test_the_error_says_what_to_do(self, store: AllDebrid) -> None:
        with pytest.raises(AccountProblem, match=r"e-mail.*davstore login alldebrid") as caught:
            store.account()
        assert "SIMULATED" not in repr(caught.value) + str(caught.value)

    def test_a_yes_is_waited_for(self, store: AllDebrid, opening: Opening) -> None:
        login = opening.sim.alldebrid.login
        held = store.held()
        opening.clock.events = [lambda: None, lambda: setattr(login, "answer", "allowed")]
        await_confirmation(store, held, now=opening.clock, sleep=opening.clock.sleep)
        assert store.held() == ""
        assert store.account().user == "ada"

    def test_a_no_is_said(self, store: AllDebrid, opening: Opening) -> None:
        opening.sim.alldebrid.login.answer = "denied"
        with pytest.raises(NotAuthorized, match="refused"):
            await_confirmation(store, store.held(), now=opening.clock, sleep=opening.clock.sleep)

    def test_no_answer_is_said(self, store: AllDebrid, opening: Opening) -> None:
        with pytest.raises(NotAuthorized, match="not answered"):
            await_confirmation(store, store.held(), now=opening.clock, sleep=opening.clock.sleep)

    def test_an_old_mail_is_said(self, store: AllDebrid) -> None:
        with pytest.raises(NotAuthorized, match="too old"):
            store.confirmed("other")

    def test_it_is_sent_again_once(self, store: AllDebrid) -> None:
        held = store.held()
        store.mail_again(held)
        with pytest.raises(Refused, match="second time"):
            store.mail_again(held)
