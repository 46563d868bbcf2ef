"""Folders as pages and playlists."""

import base64
import gzip
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from davstore import names
from davstore.dav.listing.pages import ROWS
from davstore.dav.listing.playlist import playable
from davstore.model import Folder
from tests.dav.shelves import ADDED, Shelf, Untouchable, folder, leaf

ODD = "<script>alert('1') &amp; <b> & \"q\" {{ 7*7 }} #?%é.mkv"


@cache
def shelf() -> Shelf:
    season = folder("Season 1", [leaf("E2.mkv"), leaf("E10.mp4"), leaf("E2.srt"), leaf("a.m3u8")])
    show = folder(
        "Show & Co",
        [
            season,
            folder("Extras", [], ADDED + 86_400),
            leaf("b.mkv", 3_000_000, added=ADDED + 60),
            leaf("B2.mp3", 1_500),
            leaf("c.txt", None),
            leaf(ODD, 7),
            leaf("unnamed", mime="video/mp4"),
        ],
    )
    return Shelf(show, *[folder(f"Film {n}", [leaf("x.mkv")], ADDED + n) for n in range(20)])


SHOW = quote("/acc/magnets/Show & Co/")


def page(path: str, query: str = "", of: Shelf | None = None) -> html.HtmlElement:
    answer = (of or shelf()).ask("GET", path + query)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return html.document_fromstring(answer.text)


def rows(tree: html.HtmlElement) -> list[tuple[str, ...]]:
    return [tuple(cell.text_content() for cell in row.iterfind("td")) for row in tree.iter("tr")][
        1:
    ]


def listed(tree: html.HtmlElement) -> list[str]:
    return [row[0] for row in rows(tree)]


def test_a_page_shows_names_sizes_and_dates_folders_first() -> None:
    tree = page(SHOW)
    assert rows(tree) == [
        ("Extras", "", "2023-11-15 22:13"),
        ("Season 1", "", "2023-11-14 22:13"),
        (ODD, "7 Bytes", "2023-11-14 22:13"),
        ("B2.mp3", "1.5 kB", "2023-11-14 22:13"),
        ("b.mkv", "3.0 MB", "2023-11-14 22:14"),
        ("c.txt", "", "2023-11-14 22:13"),
        ("unnamed", "1.0 kB", "2023-11-14 22:13"),
    ]
    assert "2 folders · 5 files · 3.0 MB" in tree.text_content()
    assert tree.findtext(".//h1") == "Show & Co"


@pytest.mark.parametrize(
    ("query", "files"),
    [
        ("?sort=size", ["b.mkv", "B2.mp3", "unnamed", ODD, "c.txt"]),
        ("?sort=size&order=asc", ["c.txt", ODD, "unnamed", "B2.mp3", "b.mkv"]),
        ("?sort=date", ["b.mkv", ODD, "B2.mp3", "c.txt", "unnamed"]),
        ("?sort=name&order=desc", ["unnamed", "c.txt", "b.mkv", "B2.mp3", ODD]),
        ("?sort=rubbish&order=%00&page=-3&q", [ODD, "B2.mp3", "b.mkv", "c.txt", "unnamed"]),
        ("?" + "&".join(f"a{n}" for n in range(50)), [ODD, "B2.mp3", "b.mkv", "c.txt", "unnamed"]),
        ("?q=B2", ["B2.mp3"]),
        ("?q=MP3+b", ["B2.mp3"]),
    ],
)
def test_sorting_and_searching(query: str, files: Sequence[str]) -> None:
    assert [name for name in listed(page(SHOW, query)) if "." in name or name == "unnamed"] == files


def test_the_sort_links_lead_to_what_they_say_and_back() -> None:
    tree = page(SHOW, "?q=b")
    for place, column in enumerate(("name", "size", "date")):
        (link,) = tree.xpath(f"//th[contains(@class,'{column}')]/a/@href")
        sorted_ = page(SHOW, link)
        (heading,) = sorted_.xpath("//th[@aria-sort]")
        assert heading.get("class") == column
        (turned,) = heading.xpath("a/@href")
        there, back = rows(sorted_), rows(page(SHOW, turned))
        assert [row[place] for row in there] == [row[place] for row in reversed(back)]
        assert "q=b" in turned


def test_every_link_leads_somewhere() -> None:
    tree = page(SHOW)
    for link in tree.xpath("//a/@href"):
        place = urlsplit(urljoin(f"http://localhost{SHOW}", link))
        method = "GET" if place.path.endswith("/") else "PROPFIND"
        answer = shelf().ask(method, f"{place.path}?{place.query}", headers={"Depth": "0"})
        assert answer.status_code in {200, 207}, link


def test_the_path_is_shown_and_leads_up() -> None:
    tree = page(SHOW)
    crumbs = [(a.text_content(), a.get("href")) for a in tree.xpath("//nav[@class='path']/a")]
    assert crumbs == [("davstore", "/"), ("acc", "/acc/"), ("magnets", "/acc/magnets/")]
    assert page("/").xpath("//nav[@class='path']/a") == []


def test_a_folder_without_its_slash_has_the_same_links() -> None:
    assert page(SHOW).xpath("//td//@href") == page(SHOW.rstrip("/")).xpath("//td//@href")


def test_nothing_but_its_own_style_is_allowed_and_nothing_from_elsewhere_is_asked_for() -> None:
    answer = shelf().ask("GET", SHOW)
    tree = html.document_fromstring(answer.text)
    policy = answer.headers["Content-Security-Policy"]
    digest = base64.b64encode(
        hashlib.sha256((tree.findtext(".//style") or "").encode()).digest()
    ).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert list(tree.iter("script", "img", "iframe", "base")) == []
    assert tree.xpath("//@*[starts-with(name(), 'on')]") == []
    assert tree.xpath("//@style") == []
    links = [link for _, _, link, _ in html.iterlinks(answer.text)]
    assert len(links) > 10
    assert not any(urlsplit(link).netloc for link in links)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_long_folders_come_in_pages() -> None:
    count = 2 * ROWS + 3
    long = Shelf(*[Folder(f"Film {n}", Untouchable(), 1.0) for n in range(count)])
    found: list[str] = []
    query = "?sort=name"
    while query:
        tree = page("/acc/magnets/", query, long)
        assert f"{count:,} folders" in tree.text_content()
        found += listed(tree)
        query = next(iter(tree.xpath("//a[@rel='next']/@href")), "")
    assert found == [f"Film {n}" for n in range(count)]
    assert listed(page("/acc/magnets/", "?page=99999", long)) == found[2 * ROWS :]


def test_an_empty_folder_says_so() -> None:
    assert "nothing here yet" in page("/acc/magnets/", "", Shelf()).text_content()
    assert "Nothing here has such a name" in page(SHOW, "?q=zzz").text_content()


def test_head_is_get_without_the_body() -> None:
    get, head = shelf().ask("GET", SHOW), shelf().ask("HEAD", SHOW)
    assert head.status_code == 200
    assert head.data == b""
    drop = {"Date"}
    assert {k: v for k, v in head.headers if k not in drop} == {
        k: v for k, v in get.headers if k not in drop
    }


def test_gzip_where_it_is_wanted() -> None:
    packed = shelf().ask("GET", SHOW, headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == shelf().ask("GET", SHOW).data


def test_a_playlist_names_what_plays_in_all_folders_below() -> None:
    answer = shelf().ask("GET", f"{SHOW}?m3u")
    assert answer.headers["Content-Type"].startswith("audio/x-mpegurl")
    said = answer.headers["Content-Disposition"]
    assert said.startswith('attachment; filename="Show & Co.m3u"; ')
    first, *lines = answer.text.splitlines()
    assert first == "#EXTM3U"
    titles = [line.removeprefix("#EXTINF:-1,") for line in lines[::2]]
    assert titles == ["E2.mkv", "E10.mp4", "b.mkv", "B2.mp3", ODD, "unnamed"]  # as given
    for title, url in zip(titles, lines[1::2], strict=True):
        place = urlsplit(url)
        assert (place.scheme, place.netloc) == ("http", "localhost")
        assert unquote(place.path).endswith(f"/{title}")
        assert shelf().ask("PROPFIND", place.path, headers={"Depth": "0"}).status_code == 207


def test_the_playlist_of_everything() -> None:
    lines = shelf().ask("GET", "/?m3u").text.splitlines()
    assert sum(line.startswith("http://localhost/acc/magnets/") for line in lines) == 26


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({"Host": "nas.lan:8080"}, "http://nas.lan:8080/"),
        ({"Host": "[::1]:8080"}, "http://[::1]:8080/"),
        ({"Host": "dav.example", "X-Forwarded-Proto": "https"}, "http://dav.example/"),
        ({"Host": "anna:secret@evil", "Authorization": "Basic eDp5"}, "http://localhost:80/"),
        ({"Host": "a b/c"}, "http://localhost:80/"),
    ],
)
def test_a_playlist_leads_to_where_it_was_asked_for_without_a_login(
    headers: dict[str, str], origin: str
) -> None:
    lines = shelf().ask("GET", f"{SHOW}?m3u", headers=headers).text.splitlines()
    assert all(url.startswith(f"{origin}acc/magnets/") for url in lines[2::2])


@cache
def changing() -> Shelf:
    return Shelf()


@given(st.lists(st.text(min_size=1), max_size=5, unique_by=lambda n: names.key(names.safe(n))))
def test_any_name_is_shown_as_it_is(given_names: list[str]) -> None:
    entries = [leaf(names.safe(name)) for name in given_names]
    changing().put(*entries)
    said = changing().ask("GET", "/acc/magnets/").text
    linked = re.findall(r'<td class="name"><a href="([^"]+)">', said)
    assert sorted(unquote(link) for link in linked) == sorted(
        f"/acc/magnets/{entry.name}" for entry in entries
    )
    lines = changing().ask("GET", "/acc/magnets/?m3u").data.decode().split("\n")
    assert len(lines) == 2 + 2 * sum(map(playable, entries))


@pytest.mark.parametrize("mime", ["video/mp4\r\nX-Made-Up: b", "vidéo/mp4", "видео/mp4"])
def test_a_services_word_that_is_no_type_is_not_told(mime: str) -> None:
    answer = Shelf(leaf("unnamed", mime=mime)).ask("HEAD", "/acc/magnets/unnamed")
    assert answer.headers["Content-Type"] == "application/octet-stream"
