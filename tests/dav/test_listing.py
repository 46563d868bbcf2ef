"""PROPFIND: every shape of it, the same in meaning as WsgiDAV's own, whatever is in a name."""

import gzip
from functools import cache
from itertools import pairwise
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from werkzeug.test import Client
from wsgidav.wsgidav_app import WsgiDAVApp

from davstore import names
from davstore.dav.access.login import Users
from davstore.dav.listing.properties import PROPERTIES
from davstore.dav.listing.propfind import LONGEST_BODY
from davstore.dav.reading.download import Download
from davstore.dav.tree.tree import Tree
from davstore.model import Entry, Folder
from tests.dav.shelves import RCLONE, Shelf, Untouchable, folder, leaf, never_opened
from tests.dav.stock import Stock

D = "{DAV:}"
ODD = "a # b % c ? d ; e & f ' g [h] | i < j > \" 🎬 é %s {x} ]]>.mkv"
FINDER = (
    b'<D:propfind xmlns:D="DAV:"><D:prop><D:getlastmodified/><D:getcontentlength/>'
    b"<D:creationdate/><D:resourcetype/><D:quota-available-bytes/></D:prop></D:propfind>"
)
ALL = b'<propfind xmlns="DAV:"><allprop/></propfind>'
NAMES = b'<propfind xmlns="DAV:"><propname/></propfind>'

"""Those that files have; a position is told only of what is played, and by name."""


def prop(*elements: str) -> bytes:
    return f'<propfind xmlns="DAV:"><prop>{"".join(elements)}</prop></propfind>'.encode()


@cache
def shelf() -> Shelf:
    inner = folder("Season 01", [leaf(ODD), leaf("no size.mkv", None), leaf("empty", 0)])
    return Shelf(
        folder("Show & Co", [inner, leaf("notes.txt"), leaf("odd", mime="video/x <&>")]),
        *[folder(f"Film {number}", [leaf("x.mkv")]) for number in range(50)],
        folder(ODD),
    )


Meaning = dict[str, dict[str, dict[str, str]]]


def meaning(body: bytes) -> Meaning:
    """href -> status -> property -> canonical XML; each named once, in any order."""
    root = etree.fromstring(body)
    assert root.tag == f"{D}multistatus"
    found: Meaning = {}
    for response in root:
        href = response.findtext(f"{D}href")
        assert href is not None
        assert href not in found
        stats: dict[str, dict[str, str]] = {}
        for stat in response.iterfind(f"{D}propstat"):
            status = stat.findtext(f"{D}status") or ""
            assert status not in stats
            stats[status] = {
                each.tag: inside(each) for prop in stat.iterfind(f"{D}prop") for each in prop
            }
        found[href] = stats
    return found


def inside(element: "etree._Element") -> str:
    return (element.text or "") + "".join(f"<{child.tag}/>" for child in element)


@pytest.fixture(scope="module")
def wsgidavs_own() -> Client:
    """The same tree, answered by WsgiDAV's own method."""
    ours = shelf()
    tree = Tree(["acc"], lambda _: ours.snapshot)
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": Stock(tree, Download(never_opened), Users(), None)},
            "simple_dc": {"user_mapping": {"*": True}},
            "lock_storage": None,
            "logging": {"enable": False},
            "verbose": 0,
        }
    )
    return Client(app)


@pytest.mark.parametrize(
    "path",
    [
        "/acc/magnets",
        "/acc/magnets/",
        "/acc/magnets/Show & Co/",
        "/acc/magnets/Show & Co/notes.txt",
        f"/acc/magnets/Show & Co/Season 01/{ODD}",
        "/acc/magnets/Show & Co/Season 01",
        "/acc",
    ],
)
@pytest.mark.parametrize("depth", ["0", "1"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        ALL,
        RCLONE,
        FINDER,
        prop("<getetag/>", "<nothing xmlns='urn:x'/>", "<getetag/>", "<getcontentlength/>"),
        prop("<a xmlns='urn:a'/>", "<a xmlns='urn:b'/>", "<a xmlns=''/>", "<a/>"),
        prop("<executable xmlns='http://apache.org/dav/props/'/>", "<iscollection/>"),
    ],
)
def test_it_means_what_wsgidavs_own_answer_means(
    wsgidavs_own: Client, path: str, depth: str, body: bytes
) -> None:
    headers = {"Depth": depth}
    theirs = wsgidavs_own.open(quote(path), method="PROPFIND", data=body, headers=headers)
    own = shelf().client.open(quote(path), method="PROPFIND", data=body, headers=headers)
    assert own.status_code == theirs.status_code == 207
    assert meaning(own.data) == meaning(theirs.data)
    assert own.headers["Content-Type"] == theirs.headers["Content-Type"]
    assert own.headers["Content-Length"] == str(len(own.data))


def test_found_properties_stand_before_missing_ones() -> None:
    answer = shelf().ask(
        "PROPFIND", body=prop("<no/>", "<getetag/>", "<resourcetype/>"), headers={"Depth": "1"}
    )
    for response in ET.fromstring(answer.data):
        statuses = [status.text for status in response.iter(f"{D}status")]
        assert statuses == ["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"]


def test_propname_names_what_each_entry_has_without_values() -> None:
    path = "/acc/magnets/Show & Co/"
    said = meaning(shelf().ask("PROPFIND", quote(path), NAMES, headers={"Depth": "1"}).data)
    files, folders = said[quote(f"{path}notes.txt")], said[quote(path)]
    assert set(files["HTTP/1.1 200 OK"]) == {each.name for each in PROPERTIES if each.in_all}
    assert set(files["HTTP/1.1 200 OK"].values()) == {""}
    assert f"{D}getetag" not in folders["HTTP/1.1 200 OK"]
    assert list(folders) == ["HTTP/1.1 200 OK"]


def test_all_with_include_names_more() -> None:
    body = (
        b'<propfind xmlns="DAV:"><include><getetag/><q xmlns="u:q"/></include><allprop/></propfind>'
    )
    said = shelf().ask(
        "PROPFIND", "/acc/magnets/Show%20%26%20Co/notes.txt", body, headers={"Depth": "0"}
    )
    (stats,) = meaning(said.data).values()
    assert set(stats["HTTP/1.1 200 OK"]) == {each.name for each in PROPERTIES if each.in_all}
    assert list(stats["HTTP/1.1 404 Not Found"]) == ["{u:q}q"]


def test_only_unknown_properties_and_none_at_all() -> None:
    asked = shelf()
    unknown = asked.ask("PROPFIND", body=prop("<no/>"), headers={"Depth": "0"})
    nothing = asked.ask("PROPFIND", body=prop(), headers={"Depth": "0"})
    assert meaning(unknown.data) == {"/acc/magnets/": {"HTTP/1.1 404 Not Found": {f"{D}no": ""}}}
    assert meaning(nothing.data) == {"/acc/magnets/": {"HTTP/1.1 200 OK": {}}}


def test_folders_have_what_infuse_and_windows_take_them_for_folders_by() -> None:
    (stats,) = meaning(shelf().ask("PROPFIND", headers={"Depth": "0"}).data).values()
    assert stats["HTTP/1.1 200 OK"][f"{D}iscollection"] == "1"
    assert stats["HTTP/1.1 200 OK"][f"{D}getcontentlength"] == "0"
    assert stats["HTTP/1.1 200 OK"][f"{D}resourcetype"] == f"<{D}collection/>"


@pytest.mark.parametrize(
    ("depth", "hrefs"), [("0", 1), ("1", 53), ("1,noroot", 52), ("1, NoRoot", 52)]
)
def test_depths(depth: str, hrefs: int) -> None:
    answer = shelf().ask("PROPFIND", headers={"Depth": depth})
    assert answer.status_code == 207
    assert len(meaning(answer.data)) == hrefs
    assert ("/acc/magnets/" in meaning(answer.data)) == ("noroot" not in depth.lower())


@pytest.mark.parametrize("headers", [{}, {"Depth": "infinity"}, {"Depth": "Infinity,noroot"}])
def test_infinite_depth_is_refused_as_the_rfc_says(headers: dict[str, str]) -> None:
    answer = shelf().ask("PROPFIND", headers=headers)
    assert answer.status_code == 403
    error = etree.fromstring(answer.data)
    assert (error.tag, error[0].tag) == (f"{D}error", f"{D}propfind-finite-depth")


@pytest.mark.parametrize("depth", ["2", "-1", "", "0,noroot", "one"])
def test_other_depths_are_bad(depth: str) -> None:
    assert shelf().ask("PROPFIND", headers={"Depth": depth}).status_code == 400


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {after} "{f"&{before};" * 10}">' for before, after in pairwise("abcdefghi")
)  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"<",
        b"nonsense",
        b"<propfind xmlns='DAV:'>",
        b"<propfind><allprop/></propfind>",
        b"<propfind xmlns='DAV:'/>",
        b"<prop xmlns='DAV:'/>",
        b"<propfind xmlns='DAV:'><allprop/><propname/></propfind>",
        b"<propfind xmlns='DAV:'><allprop/><prop/></propfind>",
        b"<propfind xmlns='DAV:'><include/></propfind>",
        b"<propfind xmlns='DAV:'><prop><u:x/></prop></propfind>",
        b"<propfind xmlns='DAV:'><prop><x xmlns:u=''/><a:b:c xmlns:a='u'/></prop></propfind>",
        b"<?xml version='1.0' encoding='klingon'?><propfind xmlns='DAV:'><allprop/></propfind>",
        b"\xff\xfe\0<\0",
        f"{LAUGHS}]><propfind xmlns='DAV:'><prop><x>&i;</x></prop></propfind>".encode(),
        f"{LAUGHS}]><propfind xmlns='DAV:'><prop><x y='&i;'/></prop></propfind>".encode(),
        b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"
        b"<propfind xmlns='DAV:'><prop><x>&e;</x></prop></propfind>",
        b"<!DOCTYPE x SYSTEM 'http://127.0.0.1:1/x.dtd'><propfind xmlns='DAV:'><prop/></propfind>",
    ],
)
def test_a_body_that_means_nothing_is_bad(body: bytes) -> None:
    answer = shelf().ask("PROPFIND", body=body, headers={"Depth": "0"})
    assert answer.status_code == 400
    assert b"root:" not in answer.data


def test_extensions_of_the_body_are_passed_over() -> None:
    body = b"<propfind xmlns='DAV:' xmlns:e='u:e'><e:leave-out/><allprop/></propfind>"
    assert shelf().ask("PROPFIND", body=body, headers={"Depth": "0"}).status_code == 207


@pytest.mark.parametrize("room", [0, 1])
def test_a_body_may_have_a_certain_length_and_no_more(room: int) -> None:
    body = prop("<x/>")
    padded = body + b" " * (LONGEST_BODY - len(body) + room)
    assert shelf().ask("PROPFIND", body=padded, headers={"Depth": "0"}).status_code == (
        413 if room else 207
    )


def test_a_small_request_cannot_make_an_enormous_answer() -> None:
    big = Shelf(*[leaf(str(number)) for number in range(12_000)])
    body = prop(f"<{'x' * 12_000}/>")
    assert big.ask("PROPFIND", body=body, headers={"Depth": "0"}).status_code == 207
    assert big.ask("PROPFIND", body=body, headers={"Depth": "1"}).status_code == 413


def test_what_is_not_there_and_what_is_not_known_yet() -> None:
    asked = shelf()
    assert asked.ask("PROPFIND", "/acc/magnets/none", headers={"Depth": "0"}).status_code == 404
    assert asked.ask("PROPFIND", "/nobody", headers={"Depth": "1"}).status_code == 404
    waiting = asked.ask("PROPFIND", "/later/", headers={"Depth": "1"})
    assert waiting.status_code == 503
    assert int(waiting.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-"},
        {"If-None-Match": "*"},
        {"If-Match": '"x"'},
        {"If-Modified-Since": "Fri, 31 Dec 2049 23:59:59 GMT"},
        {"If-Unmodified-Since": "Fri, 31 Dec 1999 23:59:59 GMT"},
        {"If-Range": '"x"'},
    ],
)
def test_what_is_meant_for_a_get_does_not_concern_a_listing(headers: dict[str, str]) -> None:
    answer = shelf().ask("PROPFIND", headers={"Depth": "1", **headers})
    assert answer.status_code == 207
    assert len(meaning(answer.data)) == 53


@pytest.mark.parametrize(
    ("condition", "status"),
    [("(<opaquelocktoken:x>)", 412), ("(Not <DAV:no-lock>)", 207), ('(["x"])', 207)],
)
def test_the_if_header_means_what_wsgidav_says(
    wsgidavs_own: Client, condition: str, status: int
) -> None:
    headers = {"Depth": "0", "If": condition}
    theirs = wsgidavs_own.open("/acc/magnets/", method="PROPFIND", headers=headers)
    own = shelf().ask("PROPFIND", headers=headers)
    assert own.status_code == theirs.status_code == status


@pytest.mark.parametrize("wanted", ["gzip", "deflate, gzip;q=0.5", "*", "GZIP, identity"])
def test_gzip_where_it_is_wanted(wanted: str) -> None:
    asked = shelf()
    plain = asked.ask("PROPFIND", headers={"Depth": "1"})
    packed = asked.ask("PROPFIND", headers={"Depth": "1", "Accept-Encoding": wanted})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Content-Length"] == str(len(packed.data))
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 5


@pytest.mark.parametrize("wanted", ["", "identity", "br", "gzip;q=0", "*;q=0"])
def test_no_gzip_where_it_is_not(wanted: str) -> None:
    answer = shelf().ask("PROPFIND", headers={"Depth": "1", "Accept-Encoding": wanted})
    assert "Content-Encoding" not in answer.headers
    assert meaning(answer.data)


def test_a_listing_opens_no_folder_in_it() -> None:
    closed = [Folder(f"Film {n}", Untouchable(), 0.0) for n in range(100)]
    answer = Shelf(*closed).ask("PROPFIND", headers={"Depth": "1"})
    assert len(meaning(answer.data)) == 101


@pytest.mark.parametrize("moment", [-1e20, -1.0, 0.0, 1e11, 1e20, float("inf"), float("nan")])
def test_any_moment_can_be_written(moment: float) -> None:
    answer = Shelf(leaf("x.mkv", added=moment)).ask("PROPFIND", headers={"Depth": "1"})
    assert answer.status_code == 207
    assert len(meaning(answer.data)) == 2


@cache
def changing() -> Shelf:
    return Shelf()


@given(
    given_names=st.lists(
        st.one_of(st.text(min_size=1), st.text("%&<>{}$s;?#|'\"] \ufffe\uffff", min_size=1)),
        max_size=8,
    )
)
def test_whatever_name_is_listed_leads_back_to_its_entry(given_names: list[str]) -> None:
    taken: set[str] = set()
    entries: list[Entry] = []
    for number, raw in enumerate(given_names):
        name = names.distinct(names.safe(raw), f"{number:012}", taken)
        taken.add(names.key(name))
        entries.append(folder(name) if number % 2 else leaf(name))
    asked = changing()
    asked.put(*entries)
    root = etree.fromstring(asked.ask("PROPFIND", headers={"Depth": "1"}).data)
    assert len(root) == len(entries) + 1
    for response, entry in zip(list(root)[1:], entries, strict=True):
        href = response.findtext(f"{D}href") or ""
        assert href.isascii()
        assert unquote(href).rstrip("/").endswith(f"/magnets/{entry.name}")
        shown = response.findtext(f".//{D}displayname")
        assert shown == entry.name.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
        again = asked.ask("PROPFIND", href, headers={"Depth": "0"})
        assert list(meaning(again.data)) == [href]


@given(st.text("abc:{}'\"<>&\t\n é"), st.sampled_from(["a", "b-1", "é", "_"]))
def test_any_name_of_a_property_is_answered_under_that_name(space: str, local: str) -> None:
    element = etree.Element("{DAV:}propfind")
    try:
        etree.SubElement(etree.SubElement(element, f"{D}prop"), f"{{{space}}}{local}")
        body = etree.tostring(element, encoding="utf-8")
    except ValueError:
        return
    answer = shelf().ask("PROPFIND", body=body, headers={"Depth": "0"})
    if answer.status_code == 400:  # an expat that forbids "}" in namespaces
        assert "}" in space
        return
    (stats,) = [
        {child.tag for child in each} for each in ET.fromstring(answer.data).iter(f"{D}prop")
    ]
    (asked,) = [child.tag for each in ET.fromstring(body).iter(f"{D}prop") for child in each]
    assert stats == {asked}
