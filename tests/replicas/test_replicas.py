"""No stickiness, one link a file, and nobody notices where a replica ends or dies."""

import hashlib
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import pytest
import requests

from davstore.simulator import Fault, Simulator
from tests.commands import free_port
from tests.postgres import Cluster, binaries
from tests.replicas.balanced import PASSWORD, USER, Replica, balanced, replicas, session
from tests.replicas.conftest import FILMS
from tests.replicas.load import FOLDER, Load, Seen, content, film, mounted, name, place
from tests.serving import wait_until

pytestmark = pytest.mark.client

SUITES = ("basic", "copymove", "props", "locks", "http")
LOCK = (
    '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype></D:lockinfo>"
)


def test_a_lock_of_one_holds_at_all(three: Sequence[Replica]) -> None:
    one, two, other = three
    path = "/scratch/locked.txt"
    locked = one.ask("LOCK", path, LOCK, Timeout="Second-60")
    assert locked.status_code == 201
    token = locked.headers["Lock-Token"]
    assert other.ask("PUT", path, b"by a stranger").status_code == 423
    assert two.ask("PUT", path, b"text", If=f"({token})").status_code == 204
    assert other.ask("UNLOCK", path, **{"Lock-Token": token}).status_code == 204
    assert one.ask("GET", path).content == b"text"
    assert one.ask("DELETE", path).status_code == 204


def test_each_knows_the_others_and_that_they_agree(three: Sequence[Replica]) -> None:
    wait_until(
        lambda: all("davstore_replicas 3.0" in each.ask("GET", "/-/metrics").text for each in three)
    )
    for each in three:
        assert "davstore_replicas_apart 0.0" in each.ask("GET", "/-/metrics").text
        page = each.ask("GET", "/-/").text
        assert all(f":{other.port}" in page for other in three)


def test_properties_that_one_sets_all_tell(three: Sequence[Replica]) -> None:
    one, two, other = three
    path = "/scratch/properties.txt"
    assert one.ask("PUT", path, b"text").status_code == 201
    update = (
        '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:of xmlns:x="urn:x">Debian</x:of>'
        "</D:prop></D:set></D:propertyupdate>"
    )
    assert two.ask("PROPPATCH", path, update).status_code == 207
    wanted = '<D:propfind xmlns:D="DAV:"><D:prop><x:of xmlns:x="urn:x"/></D:prop></D:propfind>'
    assert ">Debian<" in other.ask("PROPFIND", path, wanted, Depth="0").text
    assert one.ask("DELETE", path).status_code == 204


@pytest.mark.parametrize("spread", [False, True], ids=["as configured", "every request elsewhere"])
@pytest.mark.parametrize("suite", SUITES)
def test_litmus_passes(
    three: Sequence[Replica],
    need: Callable[..., None],
    suite: str,
    spread: bool,
    tmp_path: Path,
) -> None:
    need("litmus")
    program = next(Path("/usr").glob(f"lib*/litmus/{suite}"))
    with balanced(three, tmp_path, spread=spread) as url:
        done = subprocess.run(
            [program, "--htdocs", "/usr/share/litmus/htdocs", f"{url}/scratch/", USER, PASSWORD],
            capture_output=True, text=True, timeout=60, cwd=tmp_path,
        )  # fmt: skip
    assert " 0 failed. 100.0%" in done.stdout, done.stdout
    assert "WARNING" not in done.stdout, done.stdout


def test_all_tell_the_same_tag_and_one_link_serves_all(
    three: Sequence[Replica], library: Simulator
) -> None:
    number = FILMS
    library.alldebrid.add(film(number))
    wait_until(lambda: all(each.lists(FOLDER, name(number)) for each in three), 60)
    before = library.alldebrid.count("link/unlock")
    library.alldebrid.faults.add(Fault("slow", "link/unlock", times=None, seconds=1.5))
    try:
        with ThreadPoolExecutor(9) as pool:
            got = list(pool.map(
                lambda at: three[at % 3].ask("GET", place(number), Range="bytes=0-99"), range(9)
            ))  # fmt: skip
    finally:
        library.alldebrid.faults.clear()
    assert {answer.content for answer in got} == {content(number).read(0, 100)}
    assert len({answer.headers["ETag"] for answer in got}) == 1
    assert library.alldebrid.count("link/unlock") - before == 1


def test_a_player_reads_on_where_its_replica_was_killed(three: Sequence[Replica], url: str) -> None:
    whole = content(0)
    digest, at, tag, answers = hashlib.sha256(), 0, "", 0
    killed: Replica | None = None
    with session() as player:
        while at < whole.size:
            headers = {"Range": f"bytes={at}-"} | ({"If-Range": tag} if tag else {})
            with player.get(url + place(0), headers=headers, stream=True, timeout=60) as answer:
                answers += 1
                assert answer.status_code == 206
                assert tag in {"", answer.headers["ETag"]}
                tag = answer.headers["ETag"]
                try:
                    for block in answer.iter_content(100_000):
                        digest.update(block)
                        at += len(block)
                        if killed is None and at > 1_000_000:
                            killed = next(each for each in three if each.streams())
                            killed.kill()
                except requests.exceptions.ChunkedEncodingError:
                    pass
    assert killed is not None
    killed.start()
    assert digest.hexdigest() == hashlib.sha256(whole.read(0, whole.size)).hexdigest()
    assert answers == 2


def test_rclone_reads_on_where_its_replica_was_killed(
    three: Sequence[Replica], url: str, need: Callable[..., None], tmp_path: Path
) -> None:
    need("rclone", "fusermount3")
    whole = content(1)
    digest = hashlib.sha256()
    with mounted(url, tmp_path) as mount:
        path = mount / "alldebrid" / "magnets" / name(1) / f"{name(1)}.mkv"
        with path.open("rb", buffering=0) as file:
            killed: Replica | None = None
            while block := file.read(200_000):
                digest.update(block)
                if killed is None and file.tell() > 5_000_000:
                    killed = next(each for each in three if each.streams())
                    killed.kill()
    assert killed is not None
    killed.start()
    assert digest.hexdigest() == hashlib.sha256(whole.read(0, whole.size)).hexdigest()
    assert len({each.ask("HEAD", place(1)).headers["ETag"] for each in three}) == 1


def test_nobody_notices_that_one_after_the_other_is_replaced(
    three: Sequence[Replica], url: str, library: Simulator
) -> None:
    seen = Seen()
    with Load(url, FILMS, seen):
        for each in three:
            each.stop()
            each.start()
    print(dict(seen.counts), f"longest wait {seen.longest:.2f} s")
    assert seen.wrong == []
    assert seen.counts["GET"] > 10
    assert seen.counts["PROPFIND"] > 50
    assert seen.counts["streams cut and read on"] == 0
    assert seen.counts["listings cut and asked again"] == 0
    assert library.alldebrid.refused == 0


def test_players_and_scans_go_on_while_one_after_the_other_is_killed(
    three: Sequence[Replica], url: str, library: Simulator
) -> None:
    seen = Seen()
    with Load(url, FILMS, seen):
        for at, each in enumerate(cycle(three)):  # until one was met in the middle of a stream
            if at >= len(three) and seen.counts["streams cut and read on"]:
                break
            wait_until(each.streams)
            each.kill()
            each.start()
    print(dict(seen.counts), f"longest wait {seen.longest:.2f} s")
    assert seen.wrong == []
    assert library.alldebrid.refused == 0


def test_rclone_reads_on_where_the_balancer_was_replaced(
    three: Sequence[Replica], need: Callable[..., None], tmp_path: Path
) -> None:
    need("rclone", "fusermount3")
    whole, port = content(3), free_port()
    digest = hashlib.sha256()
    with ExitStack() as stack:
        first = ExitStack()
        url = first.enter_context(balanced(three, tmp_path, port=port))
        mount = stack.enter_context(mounted(url, tmp_path))
        path = mount / "alldebrid" / "magnets" / name(3) / f"{name(3)}.mkv"
        with path.open("rb", buffering=0) as file:
            while block := file.read(200_000):
                digest.update(block)
                if url and file.tell() > 5_000_000:
                    first.close()
                    url = ""
                    stack.enter_context(balanced(three, tmp_path, port=port))
    assert digest.hexdigest() == hashlib.sha256(whole.read(0, whole.size)).hexdigest()


def test_while_the_database_stands_still_what_is_known_is_read(
    library: Simulator, need: Callable[..., None], tmp_path: Path
) -> None:
    """And is listed; a new link waits for it, and is there once it goes on."""
    need("haproxy", *([] if binaries() else ["postgres"]))
    programs = binaries()
    assert programs is not None
    cluster = Cluster(programs)
    try:
        with (
            cluster.database() as database,
            replicas(library, tmp_path, database.url.get_secret_value()) as three,
            balanced(three, tmp_path) as url,
        ):
            wait_until(lambda: all(each.lists(FOLDER, name(FILMS - 1)) for each in three))
            for each in three:
                for number in range(FILMS - 1):
                    assert each.ask("GET", place(number), Range="bytes=0-9").status_code == 206
                    folder = place(number).rpartition("/")[0]
                    assert each.ask("PROPFIND", f"{folder}/", Depth="1").status_code == 207
            seen = Seen()
            cluster.pause()
            try:
                with Load(url, FILMS - 1, seen) as load:
                    wait_until(lambda: seen.counts["PROPFIND"] > 200, 60)
                    late = three[0].ask("GET", place(FILMS - 1), Range="bytes=0-9")
                    assert load
            finally:
                cluster.go_on()
            assert (late.status_code, late.headers.get("Retry-After") is None) == (503, False)
            assert seen.wrong == []
            wait_until(
                lambda: three[0].ask("GET", place(FILMS - 1), Range="bytes=0-9").status_code == 206,
                60,
            )
    finally:
        cluster.close()


def test_one_that_hangs_keeps_nobody(
    three: Sequence[Replica], library: Simulator, tmp_path: Path
) -> None:
    with balanced(three, tmp_path, spread=True, hasty=True) as url, session() as asking:
        three[1].pause()
        try:
            for number in range(FILMS):
                depth = {"Depth": "1"}
                listed = asking.request("PROPFIND", url + FOLDER, headers=depth, timeout=60)
                part = asking.get(url + place(number), headers={"Range": "bytes=7-99"}, timeout=60)
                assert (listed.status_code, part.status_code) == (207, 206)
                assert part.content == content(number).read(7, 93)
        finally:
            three[1].go_on()
        wait_until(lambda: three[1].ask("PROPFIND", FOLDER, Depth="1").status_code == 207)


def test_where_none_is_ready_known_listings_are_still_answered(
    three: Sequence[Replica], url: str, library: Simulator
) -> None:
    """A lone one that has given notice still answers, with a stream under way."""
    one, *others = three
    for each in others:
        each.stop()
    stopping = threading.Thread(target=one.stop)
    with session() as player, player.get(url + place(2), stream=True, timeout=60) as answer:
        first = answer.raw.read(1000)
        stopping.start()
        wait_until(lambda: one.ask("GET", "/-/readyz").status_code == 503)
        with session() as asking:
            depth = {"Depth": "1"}
            listed = asking.request("PROPFIND", url + FOLDER, headers=depth, timeout=60)
            assert listed.status_code == 207
        assert first + answer.raw.read() == content(2).read(0, content(2).size)
    stopping.join()
    for each in three:
        each.start()
