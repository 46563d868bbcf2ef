"""Where playing has stopped: as WebDAV properties, and by `davstore position`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.commands import complaint, davstore
from tests.serving import Serving, serving

PATH = "/plank/magnets/Sintel/Sintel.mp4"
BOTH = '<x:position xmlns:x="davstore:"/><x:duration xmlns:x="davstore:"/><D:displayname/>'


@pytest.fixture
def film(sim: Simulator) -> str:
    file = SimFile("Sintel.mp4", Content.random("sintel", 1000))
    return sim.plank.add(SimMagnet("Sintel", [file], title="Sintel"))


@pytest.fixture
def served(sim: Simulator, film: str, tmp_path: Path) -> Iterator[Serving]:
    users = [
        {"name": "anna", "password": "pw", "rights": ["read", "add"]},
        {"name": "guest", "password": "pw"},
    ]
    with serving(sim, tmp_path, accounts=("plank", "torz"), users=users) as found:
        found.session.auth = ("anna", "pw")
        found.refresh()
        yield found


def asked(served: Serving, body: str, path: str = PATH, depth: str = "0") -> dict[str, str | None]:
    """The properties found, by local name."""
    body = f'<D:propfind xmlns:D="DAV:">{body}</D:propfind>'
    answer = served.request("PROPFIND", path, data=body, headers={"Depth": depth})
    assert answer.status_code == 207, answer.text
    for propstat in etree.fromstring(answer.content).iter("{DAV:}propstat"):
        if "200" in (propstat.findtext("{DAV:}status") or ""):
            return {etree.QName(p).localname: p.text for p in propstat.iterfind("{DAV:}prop/*")}
    return {}


def patched(served: Serving, *changes: str) -> tuple[int, str]:
    inside = "".join(changes)
    body = f'<D:propertyupdate xmlns:D="DAV:" xmlns:x="davstore:">{inside}</D:propertyupdate>'
    answer = served.request("PROPPATCH", PATH, data=body)
    return answer.status_code, answer.text


def setting(inside: str) -> str:
    return f"<D:set><D:prop>{inside}</D:prop></D:set>"


def test_a_position_is_a_property_of_the_file(sim: Simulator, served: Serving, film: str) -> None:
    sim.plank.playing.play(film, 61.5, 888)
    known = asked(served, f"<D:prop>{BOTH}</D:prop>")
    assert known == {"position": "61.5", "duration": "888", "displayname": "Sintel.mp4"}


def test_who_does_not_name_it_costs_no_call(sim: Simulator, served: Serving) -> None:
    assert "position" not in asked(served, "<D:allprop/>")
    assert "position" not in asked(served, "<D:propname/>")
    assert "position" not in asked(served, f"<D:prop>{BOTH}</D:prop>", depth="1")
    assert "position" not in asked(served, f"<D:prop>{BOTH}</D:prop>", "/plank/magnets/Sintel/")
    assert sim.plank.count("/position") == 0


def test_a_position_is_written(sim: Simulator, served: Serving, film: str) -> None:
    sim.plank.playing.play(film, 10, 888)
    status, text = patched(served, setting("<x:position>77.5</x:position>"))
    assert (status, "200 OK" in text) == (207, True)
    assert asked(served, f"<D:prop>{BOTH}</D:prop>")["position"] == "77.5"
    assert asked(served, f"<D:prop>{BOTH}</D:prop>")["duration"] == "888"
    patched(served, setting("<x:duration>900</x:duration><x:position>5</x:position>"))
    assert asked(served, f"<D:prop>{BOTH}</D:prop>")["duration"] == "900"
    patched(served, "<D:remove><D:prop><x:position/></D:prop></D:remove>")
    assert sim.plank.playing.position(film) == 0


@pytest.mark.parametrize("value", ["", "-1", "nan", "inf", "soon", "<b/>"])
def test_a_senseless_position_is_refused(
    sim: Simulator, served: Serving, film: str, value: str
) -> None:
    status, text = patched(served, setting(f"<x:position>{value}</x:position>"))
    assert (status, "409" in text) == (207, True)
    assert sim.plank.playing.position(film) == 0


def test_all_is_written_or_nothing(sim: Simulator, served: Serving, film: str) -> None:
    both = setting("<x:position>5</x:position><D:displayname>x</D:displayname>")
    status, text = patched(served, both)
    assert (status, "403" in text, "424" in text) == (207, True, True)
    assert sim.plank.playing.position(film) == 0


def test_who_may_only_read_writes_nothing(sim: Simulator, served: Serving, film: str) -> None:
    served.session.auth = ("guest", "pw")
    assert patched(served, setting("<x:position>5</x:position>"))[0] == 403
    assert asked(served, f"<D:prop>{BOTH}</D:prop>")["position"] == "0"


def test_other_properties_stay_protected(served: Serving) -> None:
    status, text = patched(served, setting("<x:colour>red</x:colour>"))
    assert (status, "403" in text) == (207, True)


def test_a_service_that_fails_is_said(sim: Simulator, served: Serving) -> None:
    sim.plank.faults.add(Fault("html", "/position", None))
    assert asked(served, f"<D:prop>{BOTH}</D:prop>") == {"displayname": "Sintel.mp4"}
    status, text = patched(served, setting("<x:position>5</x:position>"))
    assert status == 502
    assert "plank" in text


# The command


@pytest.fixture
def config(served: Serving, tmp_path: Path) -> str:
    return str(tmp_path / "davstore.toml")


def test_the_command_says_and_sets_a_position(sim: Simulator, film: str, config: str) -> None:
    sim.plank.playing.play(film, 61.5, 3700)
    done = davstore("position", PATH, "-c", config)
    assert done.stdout.strip() == "Sintel.mp4: 0:01:01 of 1:01:40"
    assert davstore("position", PATH, "1:02:03", "-c", config).returncode == 0
    assert sim.plank.playing.position(film) == 3723
    told = json.loads(davstore("position", PATH, "--json", "-c", config).stdout)
    assert told == {"path": PATH, "position": 3723.0, "duration": 3700.0}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((PATH, "soon"), "is no position; write seconds"),
        (("/plank/magnets/Nothing.mp4",), "no file stands at"),
        (("/plank/magnets",), "no file stands at"),
    ],
)
def test_what_cannot_be_done_is_said(config: str, arguments: tuple[str, ...], said: str) -> None:
    assert said in complaint(davstore("position", *arguments, "-c", config))
