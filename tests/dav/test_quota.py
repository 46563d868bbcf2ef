"""What an account takes, as RFC 4331 wants it told."""

from pathlib import Path
from xml.etree import ElementTree as ET

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving

ASKED = (
    b'<propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/><resourcetype/>'
    b"</prop></propfind>"
)


def told(served: Serving, path: str, depth: str = "0") -> dict[str, list[str | None]]:
    """By path: the status of the first propstat, and what is used."""
    asked = served.request("PROPFIND", path, data=ASKED, headers={"Depth": depth})
    assert asked.status_code == 207
    return {
        each.findtext("{DAV:}href") or "": [
            each.findtext("{DAV:}propstat/{DAV:}status"),
            each.findtext(".//{DAV:}quota-used-bytes") or None,
        ]
        for each in ET.fromstring(asked.content)
        if each.findtext("{DAV:}href") != "/.davstore-canary"
    }


def test_what_is_used_is_told_of_accounts_and_of_all_that_one_sees(
    sim: Simulator, tmp_path: Path
) -> None:
    for service, size in ((sim.realdebrid, 5000), (sim.torz, 700)):
        files = [SimFile("film.mkv", Content.random("film", size))]
        service.add(SimMagnet("film", files=files))
    with serving(sim, tmp_path, accounts=("realdebrid", "torz")) as served:
        ok = "HTTP/1.1 200 OK"
        assert told(served, "/realdebrid/")["/realdebrid/"] == [ok, "5000"]
        assert told(served, "/torz/magnets/")["/torz/magnets/"] == [ok, "700"]
        assert told(served, "/", "1") == {
            "/": [ok, "5700"], "/realdebrid/": [ok, "5000"], "/torz/": [ok, "700"],
        }  # fmt: skip
        assert told(served, "/torz/magnets/film/")["/torz/magnets/film/"] == [ok, None]
        every = served.request("PROPFIND", "/torz/", headers={"Depth": "0"}).text
        assert "quota" not in every
        sim.torz.add(SimMagnet("more", files=[SimFile("m", Content.random("m", 30))]))
        served.refresh("torz")
        assert told(served, "/")["/"] == [ok, "5730"]
