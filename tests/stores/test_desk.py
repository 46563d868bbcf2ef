"""What an owner asks of Real-Debrid and AllDebrid beyond magnets: each call, as documented."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from davstore.errors import (
    AccountProblem,
    Gone,
    QuotaExhausted,
    Refused,
    StoreUnavailable,
    UnexpectedReply,
)
from davstore.model import Choice, Magnet, Quota, Status, Used
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from davstore.simulator.hosters import Hosted
from davstore.stores.alldebrid import AllDebrid
from davstore.stores.desk import (
    Hosting,
    Limited,
    Linking,
    Metered,
    Notifying,
    Purging,
    Restarting,
    Timed,
    Transcoding,
    Tunable,
    Unlocking,
    Vouching,
)
from davstore.stores.realdebrid import RealDebrid
from tests.stores.conftest import Open

DEBIAN = SimFile("debian-12.iso", Content.random("debian", 50_000))
UBUNTU = SimFile("ubuntu.iso", Content.random("ubuntu", 60_000))
ARCH = SimFile("arch.iso", Content.random("arch", 70_000))


@pytest.fixture
def rd(open_account: Open) -> RealDebrid:
    store = open_account("realdebrid").store
    assert isinstance(store, RealDebrid)
    return store


@pytest.fixture
def ad(open_account: Open) -> AllDebrid:
    store = open_account("alldebrid").store
    assert isinstance(store, AllDebrid)
    return store


@pytest.fixture(params=["realdebrid", "alldebrid"])
def both(request: pytest.FixtureRequest, open_account: Open) -> Any:
    return open_account(request.param)


BOTH: tuple[Any, ...] = (Linking, Unlocking, Limited, Hosting)
RD_ALONE: tuple[Any, ...] = (Metered, Timed, Tunable, Transcoding)
AD_ALONE: tuple[Any, ...] = (Notifying, Restarting, Vouching, Purging)


def test_each_keeps_its_promises(rd: RealDebrid, ad: AllDebrid) -> None:
    assert all(isinstance(rd, promise) for promise in BOTH + RD_ALONE)
    assert all(isinstance(ad, promise) for promise in BOTH + AD_ALONE)
    assert not any(isinstance(rd, promise) for promise in AD_ALONE)
    assert not any(isinstance(ad, promise) for promise in RD_ALONE)


class TestUnlocking:
    def test_a_link_of_another_host(self, both: Any) -> None:
        (found,) = both.store.unlock(both.service.hosters.put(DEBIAN))
        assert (found.name, found.size, found.problem) == (DEBIAN.name, DEBIAN.size, "")
        assert found.url.startswith("http://")
        assert found.url not in repr(found)

    def test_a_password(self, both: Any) -> None:
        link = both.service.hosters.put(DEBIAN, password="open films")
        with pytest.raises((Refused, Gone)):
            both.store.unlock(link)
        assert both.store.unlock(link, "open films")[0].url
        sent = both.service.calls[-1]
        assert "open" not in sent.path + sent.query

    def test_a_dead_link_and_a_foreign_one(self, both: Any) -> None:
        with pytest.raises(Gone):
            both.store.unlock(both.service.hosters.put(DEBIAN, down=True))
        with pytest.raises(Gone, match="does not serve this host"):
            both.store.unlock("https://elsewhere.example/1")

    def test_looking_costs_no_traffic(self, both: Any) -> None:
        good = both.service.hosters.put(DEBIAN)
        found = both.store.look_up([good, "https://elsewhere.example/1"])
        assert [one.name for one in found] == [DEBIAN.name, ""]
        assert [bool(one.problem) for one in found] == [False, True]
        assert both.service.count("unrestrict/link") + both.service.count("link/unlock") == 0

    def test_a_folder_is_all_that_is_in_it(self, rd: RealDebrid, sim: Simulator) -> None:
        hosters = sim.realdebrid.hosters
        dead = hosters.put(ARCH, down=True)
        folder = hosters.put_folder(hosters.put(DEBIAN), dead, hosters.put(UBUNTU))
        found = rd.unlock(folder)
        assert [one.name for one in found] == [DEBIAN.name, "", UBUNTU.name]
        assert found[1].problem

    def test_a_container_file_and_a_link_to_one(self, rd: RealDebrid, sim: Simulator) -> None:
        hosters = sim.realdebrid.hosters
        links = (hosters.put(DEBIAN), hosters.put(UBUNTU))
        hosters.containers[b"\x00DLC\xff"] = links
        hosters.containers[b"https://example.com/films.dlc"] = links
        assert rd.inside(b"\x00DLC\xff") == links
        found = rd.unlock("https://example.com/films.dlc")
        assert [one.name for one in found] == [DEBIAN.name, UBUNTU.name]
        with pytest.raises(Refused, match="makes nothing of this container"):
            rd.inside(b"no container")

    def test_a_redirector_leads_to_all_its_links(self, ad: AllDebrid, sim: Simulator) -> None:
        hosters = sim.alldebrid.hosters
        inside = [hosters.put(DEBIAN), hosters.put(ARCH, down=True)]
        sim.alldebrid.desk.redirects["https://short.example/x"] = inside
        found = ad.unlock("https://short.example/x")
        assert [one.name for one in found] == [DEBIAN.name, ""]

    def test_alldebrid_saves_only_what_it_serves(self, ad: AllDebrid, sim: Simulator) -> None:
        hosters = sim.alldebrid.hosters
        inside = [hosters.put(DEBIAN), hosters.put(UBUNTU)]
        sim.alldebrid.desk.redirects["https://short.example/x"] = inside
        ad.take(["https://short.example/x"])
        assert {one.file.path for one in ad.links()} == {DEBIAN.name, UBUNTU.name}
        for link in ("https://elsewhere.example/1", hosters.put(ARCH, down=True)):
            with pytest.raises(Gone):
                ad.take([link])
        assert len(ad.links()) == 2

    def test_a_folder_of_which_nothing_is_left_is_not_taken(
        self, rd: RealDebrid, sim: Simulator
    ) -> None:
        hosters = sim.realdebrid.hosters
        with pytest.raises(Gone):
            rd.take([hosters.put_folder(hosters.put(ARCH, down=True))])
        rd.take([hosters.put_folder(hosters.put(ARCH, down=True), hosters.put(DEBIAN))])
        assert [one.file.path for one in rd.links()] == [DEBIAN.name]

    def test_a_redirector_that_fails_is_tried_again_later(
        self, ad: AllDebrid, sim: Simulator
    ) -> None:
        sim.alldebrid.fail("REDIRECTOR_ERROR", "redirector", times=None)
        with pytest.raises(StoreUnavailable):
            ad.unlock("https://short.example/x")

    @pytest.mark.parametrize(
        ("quality", "size"), [(None, 90_000), (1080, 90_000), (720, 30_000), (100, 30_000)]
    )
    def test_the_wanted_quality(
        self, open_account: Open, sim: Simulator, quality: int | None, size: int
    ) -> None:
        sim.alldebrid.odd.add("streams")
        film = SimFile("film.mp4", Content.random("film", 90_000))
        link = sim.alldebrid.hosters.put(film)
        keys = {} if quality is None else {"quality": quality}
        store = open_account("alldebrid", **keys).store
        assert isinstance(store, AllDebrid)
        (found,) = store.unlock(link)
        assert found.size == size
        assert found.name == "film.mp4"

    def test_a_delayed_link_is_waited_for_within_bounds(
        self, open_account: Open, sim: Simulator
    ) -> None:
        sim.alldebrid.odd.add("delayed")
        account = open_account("alldebrid")
        link = sim.alldebrid.hosters.put(DEBIAN)
        assert isinstance(account.store, AllDebrid)
        assert account.store.unlock(link)[0].url
        assert account.naps.taken == [5.0, 5.0]
        sim.alldebrid.delay_polls = 1000
        with pytest.raises(StoreUnavailable, match="prepared"):
            account.store.unlock(link)
        assert sum(account.naps.taken) <= 100


class TestLinks:
    def test_what_is_taken_is_listed_and_can_be_forgotten(self, both: Any) -> None:
        links = [both.service.hosters.put(file) for file in (DEBIAN, UBUNTU)]
        both.store.take(links)
        found = both.store.links()
        assert sorted(one.file.path for one in found) == [DEBIAN.name, UBUNTU.name]
        both.store.forget(found[0])
        both.store.forget(found[0])
        assert [one.file for one in both.store.links()] == [found[1].file]

    def test_a_link_unrestricted_twice_stands_there_once(
        self, rd: RealDebrid, sim: Simulator
    ) -> None:
        link = sim.realdebrid.hosters.put(DEBIAN)
        rd.take([link, link, link])
        (found,) = rd.links()
        rd.forget(found)
        assert rd.links() == ()

    def test_sizes_that_the_list_lacks_are_asked_for_in_one_call(
        self, ad: AllDebrid, sim: Simulator
    ) -> None:
        hosters = sim.alldebrid.hosters
        links = [hosters.put(file) for file in (DEBIAN, UBUNTU, ARCH)]
        ad.take(links)
        hosters.files[links[2]] = Hosted(ARCH, down=True)
        asked = sim.alldebrid.count("link/infos")
        sizes = {one.file.path: one.file.size for one in ad.links()}
        assert sizes == {DEBIAN.name: DEBIAN.size, UBUNTU.name: UBUNTU.size, ARCH.name: None}
        assert sim.alldebrid.count("link/infos") == asked + 1
        sim.alldebrid.faults.add(Fault("status", "link/infos", times=None, status=503))
        assert len(ad.links()) == 3

    def test_an_empty_list(self, both: Any) -> None:
        assert both.store.links() == ()

    def test_a_row_that_makes_no_sense_costs_only_itself(
        self, rd: RealDebrid, sim: Simulator
    ) -> None:
        rd.take([sim.realdebrid.hosters.put(DEBIAN)])
        sim.realdebrid._history.insert(0, {"id": 3})
        assert [one.file.path for one in rd.links()] == [DEBIAN.name]

    def test_a_password_cannot_be_saved(self, ad: AllDebrid) -> None:
        with pytest.raises(Refused, match="password"):
            ad.take(["https://example.com/1"], "secret")

    def test_recent_links_go_all_at_once(self, ad: AllDebrid, sim: Simulator) -> None:
        ad.unlock(sim.alldebrid.hosters.put(DEBIAN))
        (recent,) = ad.links()
        assert recent.kind == "recent"
        with pytest.raises(Refused, match="--purge"):
            ad.forget(recent)
        ad.purge()
        assert ad.links() == ()

    @pytest.mark.parametrize("kind", ["wrong_type", "html", "truncated_json"])
    def test_rubbish_is_no_empty_list(self, both: Any, kind: str) -> None:
        both.store.take([both.service.hosters.put(DEBIAN)])
        path = "downloads" if isinstance(both.store, RealDebrid) else "user/links"
        both.service.faults.add(Fault(kind, path, times=None))
        with pytest.raises((UnexpectedReply, StoreUnavailable)):
            both.store.links()


class TestTheAccount:
    def test_limits(self, both: Any) -> None:
        limits = {quota.name: quota for quota in both.store.limits()}
        if isinstance(both.store, RealDebrid):
            assert limits["active"] == Quota("active", 25, 25, "torrents")
            assert limits["example.com, daily"].left == 7_000_000_000
            assert limits["example.com, daily"].limit == 10 * 2**30
        else:
            assert limits["exampleorg, daily"].left == 4_000_000_000

    def test_what_php_writes_for_nothing(self, rd: RealDebrid, sim: Simulator) -> None:
        sim.realdebrid.odd |= {"empty_object_list", "string_numbers"}
        assert [quota.name for quota in rd.limits()][:1] == ["active"]
        sim.realdebrid.faults.add(Fault("wrong_type", "traffic", times=None, body=[]))
        assert [quota.name for quota in rd.limits()] == ["active"]
        assert rd.usage() == ()

    def test_usage_by_day_and_host(self, rd: RealDebrid) -> None:
        assert Used("2026-01-02", "example.com", 3_000_000_000) in rd.usage()

    def test_a_clock_that_is_wrong(self, open_account: Open) -> None:
        assert abs(open_account("realdebrid").store.skew()) < 30  # type: ignore[attr-defined]

    def test_how_far_the_clock_is_off(
        self, rd: RealDebrid, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rd, "_now", lambda: time.time() + 3600)
        assert 3500 < rd.skew() < 3700

    def test_hosts(self, both: Any) -> None:
        found = {host.name: host for host in both.store.hosts()}
        works = [host.works for host in found.values()]
        assert True in works
        assert False in works
        assert "Example Net" not in found, "not supported"

    def test_settings(self, rd: RealDebrid) -> None:
        before = {choice.name: choice for choice in rd.choices()}
        assert before["locale"] == Choice("locale", "en", ("en", "fr"))
        rd.tune("locale", "fr")
        assert {choice.name: choice.value for choice in rd.choices()}["locale"] == "fr"
        with pytest.raises(UnexpectedReply):
            rd.tune("locale", "xx")

    def test_notices(self, ad: AllDebrid) -> None:
        (notice,) = ad.account().notices
        ad.dismiss(notice)
        assert ad.account().notices == ()

    def test_media(self, rd: RealDebrid, sim: Simulator) -> None:
        sim.realdebrid.add(SimMagnet("Sintel", [SimFile("Sintel.mkv", Content.random("s", 9000))]))
        (magnet,) = (row for row in rd.magnets() if isinstance(row, Magnet))
        ((_, files),) = rd.files([magnet])
        assert isinstance(files, tuple)
        assert rd.media(files[0])[1].startswith("video: h264 1920x818")
        assert rd.transcoded(files[0]).endswith("full.m3u8")
        sim.realdebrid.faults.add(Fault("wrong_type", "transcode", body={"apple": []}))
        with pytest.raises(StoreUnavailable, match="transcode"):
            rd.transcoded(files[0])


class TestRestarting:
    def test_several_at_once(self, ad: AllDebrid, sim: Simulator) -> None:
        for number in range(3):
            sim.alldebrid.add(SimMagnet(f"Hero {number}", [DEBIAN], status="failed"))
        sim.alldebrid.add(SimMagnet("Spring", [DEBIAN]))
        rows = [row for row in ad.magnets() if isinstance(row, Magnet)]
        found = {magnet.name: problem for magnet, problem in ad.restart(rows)}
        assert found.pop("Spring") == "the magnet is being processed"
        assert set(found.values()) == {""}
        assert sim.alldebrid.count("restart") == 1
        status = {row.name: row.status for row in ad.magnets() if isinstance(row, Magnet)}
        assert status["Hero 1"] is Status.QUEUED

    def test_one_that_is_gone(self, ad: AllDebrid) -> None:
        gone = Magnet("1", "gone", Status.FAILED, "")
        assert ad.restart([gone]) == ((gone, "no longer in the account"),)


class TestVouchers:
    def test_in_stock_and_new(self, ad: AllDebrid) -> None:
        assert ad.balance().balance == 51.6
        stock = ad.vouchers(30, 3, buy=False)
        assert len(stock.codes) == 2
        assert stock.is_partial
        assert stock.codes[0] not in repr(stock)
        bought = ad.vouchers(30, 2, buy=True)
        assert (len(bought.codes), bought.price, bought.balance) == (2, 3.2, 45.2)
        with pytest.raises(QuotaExhausted, match="stock"):
            ad.vouchers(30, 1, buy=False)

    @pytest.mark.parametrize(("days", "count"), [(31, 1), (30, 0), (30, 11)])
    def test_there_are_no_others(self, ad: AllDebrid, days: int, count: int) -> None:
        with pytest.raises(UnexpectedReply, match="15, 30, 90"):
            ad.vouchers(days, count, buy=False)

    def test_money_is_never_spent_twice(self, ad: AllDebrid, sim: Simulator) -> None:
        sim.alldebrid.faults.add(Fault("status", "voucher/generate", times=None, status=503))
        with pytest.raises(StoreUnavailable):
            ad.vouchers(30, 1, buy=True)
        assert sim.alldebrid.count("voucher/generate") == 1

    def test_who_is_no_reseller_is_told(self, ad: AllDebrid, sim: Simulator) -> None:
        sim.alldebrid.desk.is_reseller = False
        with pytest.raises(AccountProblem, match="may not use"):
            ad.balance()


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.hosts(),
        lambda store: store.limits(),
        lambda store: store.links(),
        lambda store: store.account(),
    ],
)
def test_another_web_server_is_no_empty_account(both: Any, ask: Callable[[Any], object]) -> None:
    both.service.faults.add(Fault("status", "", times=None, status=404))
    with pytest.raises(UnexpectedReply, match="does not answer there"):
        ask(both.store)
