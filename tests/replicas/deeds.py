"""What people do at one replica and at once at another, and what all of them then show."""

from urllib.parse import quote

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.replicas.balanced import Replica
from tests.replicas.load import FOLDER
from tests.serving import wait_until
from tests.torrents import link

LOCK = (
    '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype></D:lockinfo>"
)
SIZE = 200_000


def done_across(one: Replica, two: Replica, sim: Simulator, number: int) -> None:
    """Each deed begins at one and is gone on with at two; `number` is another one each time.

    Raises `AssertionError` where one of them does not show what the other did.
    """
    name = f"Deed {number}"
    content = Content.random(name, SIZE)
    sim.alldebrid.add(SimMagnet(name, files=[SimFile(f"{name}.mkv", content)]))
    one.refresh()
    wait_until(lambda: one.lists(FOLDER, name) and two.lists(FOLDER, name), 30)
    links = sim.alldebrid.count("link/unlock")
    file = quote(f"{FOLDER}{name}/{name}.mkv")
    for each in (one, two, one):
        part = each.ask("GET", file, Range="bytes=100-199")
        assert (part.status_code, part.content) == (206, content.read(100, 100))
    assert sim.alldebrid.count("link/unlock") == links + 1
    _locked(one, two, number)
    _written_beside(one, two, name)
    _renamed_and_deleted(one, two, name)
    _dropped(one, two, sim, number)


def _locked(one: Replica, two: Replica, number: int) -> None:
    path = f"/scratch/deed-{number}.txt"
    locked = one.ask("LOCK", path, LOCK, Timeout="Second-60")
    assert locked.status_code == 201
    token = locked.headers["Lock-Token"]
    assert two.ask("PUT", path, b"by a stranger").status_code == 423
    assert two.ask("PUT", path, b"text", If=f"({token})").status_code == 204
    assert one.ask("UNLOCK", path, **{"Lock-Token": token}).status_code == 204
    assert two.ask("DELETE", path).status_code == 204


def _written_beside(one: Replica, two: Replica, name: str) -> None:
    path = quote(f"{FOLDER}{name}/movie.nfo")
    assert one.ask("PUT", path, b"<movie/>").status_code == 201
    wait_until(lambda: two.ask("GET", path).content == b"<movie/>")
    assert two.ask("PUT", path, b"<movie>2</movie>").status_code == 204
    wait_until(lambda: one.ask("GET", path).content == b"<movie>2</movie>")


def _renamed_and_deleted(one: Replica, two: Replica, name: str) -> None:
    target = two.url + quote(f"{FOLDER}{name} again/")
    moved = two.ask("MOVE", quote(f"{FOLDER}{name}/"), Destination=target)
    assert moved.status_code == 201, moved.text
    wait_until(lambda: one.lists(FOLDER, f"{name} again"))
    assert one.ask("DELETE", quote(f"{FOLDER}{name} again")).status_code == 204
    wait_until(lambda: not two.lists(FOLDER, f"{name} again"))
    trash = FOLDER.replace("magnets", "trash")
    wait_until(lambda: one.lists(trash, f"{name} again") and two.lists(trash, f"{name} again"))


def _dropped(one: Replica, two: Replica, sim: Simulator, number: int) -> None:
    """A magnet link: whoever it came to, one of them adds it, once."""
    before = sim.alldebrid.count("magnet/upload")
    path = f"{FOLDER.replace('magnets', 'incoming')}deed-{number}.magnet"
    text = link(f"{number:040x}", f"Dropped-{number}")
    assert two.ask("PUT", path, text).status_code == 201
    wait_until(lambda: sim.alldebrid.count("magnet/upload") == before + 1, 30)
