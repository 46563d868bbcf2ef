"""The page of the owner: complete, safe, and able to act only for who may."""

import base64
import hashlib
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from lxml import html

from davstore.dashboard import Action
from davstore.errors import StateError
from tests.dashboard.scenes import NOW, ODD, Desk, scene

BOTH = frozenset({"watch", "manage"})


def page(desk: Desk, path: str = "/") -> html.HtmlElement:
    answer = desk.get(path)
    assert answer.status_code == 200
    return html.document_fromstring(answer.text)


def text(tree: html.HtmlElement, key: str) -> str:
    return " ".join(tree.get_element_by_id(key).text_content().split())


def test_it_says_of_each_account_how_it_is() -> None:
    said = text(page(Desk(scene())), "accounts")
    assert "the plan ends in 3 days" in said
    assert "not read for now: the service refuses the login" in said
    assert "180.0 GB of 200.0 GB" in said
    assert "22 of 25 magnets" in said
    assert "15 of 16" in said
    assert "1,150 shown of 1,200" in said
    assert "rd says: MOVED_HOUSE davstore status --dismiss rd MOVED_HOUSE" in said
    assert "Traffic 180.0 GB of 200.0 GB Slots 22 of 25 magnets Fair use 7 points 1 more" in said


def test_what_needs_the_owner_stands_first() -> None:
    tree = page(Desk(scene()))
    concerns = text(tree, "concerns")
    assert "4 things to look at" in concerns
    assert "40 magnets said to be gone all at once" in concerns
    assert "a restart is needed for server.port" in concerns
    assert tree.findtext(".//title") == "(!) davstore"


def test_all_is_well_where_it_is() -> None:
    shown = scene()
    well = replace(shown.accounts[0], who=None)
    shown = replace(shown, accounts=[well], restart=(), processes=[])
    assert text(page(Desk(shown)), "concerns") == "All is well."


def test_it_shows_the_trash_and_who_may_delete_has_it_back() -> None:
    said = text(page(Desk(scene())), "trash")
    for part in (ODD, "deleted by anna 2 hours ago", "removed for good in 5 hours",
                 "1 magnet is about to be removed", "Agent 327"):  # fmt: skip
        assert part in said
    assert "Restore" not in said
    action = Action("restore", "", print, "delete")
    for rights, count in ((BOTH, 0), (BOTH | {"delete"}, 2)):
        tree = page(Desk(scene(), [action], rights=rights))
        assert len(tree.xpath("//form[@action='/-/do/restore']")) == count
    empty = text(page(Desk(replace(scene(), trash=(), leaving={}))), "trash")
    assert "The trash is empty." in empty


def test_before_something_goes_for_good_it_is_asked() -> None:
    actions = [Action(key, "", print, "delete") for key in ("restore", "purge")]
    desk = Desk(scene(), actions, rights=BOTH | {"delete"})
    links = page(desk).xpath("//section[@id='trash']//a/@href")
    assert links == ["/-/purge?account=rd&magnet=7", "/-/purge?account=ad&magnet=8"]
    asked = desk.get(links[0].removeprefix("/-"))
    for part in ("no way back", "Left alone it is removed in 5 hours", "2.1 GB"):
        assert part in asked.text
    (form,) = html.document_fromstring(asked.text).forms  # type: ignore[attr-defined]
    assert (form.method, form.get("action")) == ("POST", "/-/do/purge")
    assert dict(form.form_values()) == {
        "token": desk.tokens.of("anna"), "back": "status", "account": "rd", "magnet": "7",
    }  # fmt: skip
    for gone in ("?account=rd&magnet=9", "?account=hidden&magnet=7", ""):
        assert desk.get(f"/purge{gone}").status_code == 404
    assert desk.client.post("/purge", data={"account": "rd"}).status_code == 405
    assert not page(Desk(scene(), actions[:1], rights=BOTH)).xpath("//a[contains(@href,'purge')]")


def test_it_shows_what_was_removed() -> None:
    said = text(page(Desk(scene())), "audit")
    for part in (ODD, "not yet", "the service is away", "this machine", "deleted",
                 "24 hours ago", "kept in the trash: ad waits"):  # fmt: skip
        assert part in said
    none = text(page(Desk(replace(scene(), removed=()))), "audit")
    assert "Nothing was ever removed" in none


def test_it_shows_who_reads_what() -> None:
    tree = page(Desk(scene()))
    said = text(tree, "streams")
    for part in ("2 streams, 4.2 MB/s", "anna", "Kodi/21.1", "192.168.1.20", "cdn-7.example.net",
                 "kept on disk", ODD, "for 10 minutes"):  # fmt: skip
        assert part in said
    first = tree.find(".//*[@id='streams']//tbody//progress")
    assert first is not None
    assert 0 < float(first.get("value", "")) < float(first.get("max", ""))


def test_charts_sum_up_all_processes_and_say_it_in_words() -> None:
    tree = page(Desk(scene()))
    hour = tree.get_element_by_id("hour")
    labels = [svg.get("aria-label", "") for svg in hour.iterfind(".//svg[@role='img']")]
    assert len(labels) == 2
    assert labels[0].startswith("Throughput to clients: ")
    sent = sum(3e6 * (n % 40) for n in range(2, 300)) + 10
    assert f"{sent / 1e9:.1f} GB in all" in labels[0]
    assert "Growth in 90 days: from 889 to 1,593 magnets" in text(tree, "catalog")


def test_rates_are_of_all_processes() -> None:
    said = text(page(Desk(scene())), "rates")
    assert "Links at hand 88 % of 16" in said
    assert "14 reads begun" in said
    assert "StreamBroken · 4" in said


def test_odd_names_are_shown_as_they_are() -> None:
    assert "<script>alert" not in Desk(scene()).get().text


def test_nothing_but_its_own_style_and_script_is_allowed() -> None:
    answer = Desk(scene(), rights=BOTH).get()
    tree = html.document_fromstring(answer.text)
    policy = answer.headers["Content-Security-Policy"]
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (own,) = tree.iterfind(f".//{tag}")
        digest = base64.b64encode(hashlib.sha256((own.text or "").encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not tree.xpath("//@style|//@onclick|//img/@src|//script/@src")
    for each in (*tree.iter("a"), *tree.iter("form")):
        address = each.get("href") or each.get("action") or ""
        assert not address.startswith(("http:", "https:", "//"))


def test_it_is_readable_by_machines_that_read_it_aloud() -> None:
    tree = page(Desk(scene(), rights=BOTH))
    assert tree.get("lang") == "en"
    ids = [str(each) for each in tree.xpath("//@id")]
    assert len(ids) == len(set(ids))
    for section in tree.iterfind(".//section"):
        assert tree.get_element_by_id(section.get("aria-labelledby", "")).text_content()
    for bar in tree.iterfind(".//progress"):
        assert bar.get("aria-label")
    for svg in tree.iterfind(".//svg"):
        assert svg.get("aria-hidden") == "true" or svg.get("aria-label")
    for button in tree.iterfind(".//button"):
        assert button.text_content().strip()
    levels = [int(each.tag[1]) for each in tree.iter("h1", "h2", "h3")]
    assert all(b - a <= 1 for a, b in pairwise(levels))


@pytest.mark.parametrize("scheme", [0, 1])
def test_what_is_written_stands_out_from_what_is_behind_it(scheme: int) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    blocks = re.findall(r":root \{(.*?)\}", Desk(scene()).get().text, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): #(\w+)", blocks[scheme]))
    pairs = [
        (front, back) for front in ("text", "faint", "link") for back in ("page", "card", "over")
    ]
    pairs += [(each, f"{each}-back") for each in ("ok", "warning", "wrong")] + [("on-fill", "fill")]
    for front, back in pairs:
        one, other = sorted((luminance(colours[front]), luminance(colours[back])), reverse=True)
        assert (one + 0.05) / (other + 0.05) >= 4.5, (front, back)


def luminance(colour: str) -> float:
    whole = colour if len(colour) == 6 else "".join(2 * each for each in colour)
    parts = [int(whole[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_only_who_may_manage_has_buttons() -> None:
    assert not page(Desk(scene())).xpath("//form[@method='post']")
    manage = Action("refresh", "", print)
    assert page(Desk(scene(), [manage], rights=BOTH)).xpath("//form[@method='post']")
    assert not page(Desk(scene(), [manage])).xpath("//form[@method='post']")


def test_an_action_needs_a_token_of_this_user() -> None:
    done: list[str] = []
    action = Action("accept", "They may go.", lambda form: done.append(form.fields["account"]))
    desk = Desk(scene(), [action], rights=BOTH)
    form = {"account": "ad", "token": desk.tokens.of("anna")}
    for wrong in ({}, {"token": ""}, {"token": desk.tokens.of("berta")}, {"token": "é"}):
        assert desk.client.post("/do/accept", data={"account": "ad", **wrong}).status_code == 403
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert desk.client.post("/do/accept", data=form, headers=elsewhere).status_code == 403
    assert desk.client.get("/do/accept", query_string=form).status_code == 404
    assert desk.client.post("/do/other", data=form).status_code == 404
    assert done == []
    answer = desk.client.post("/do/accept", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/-/?did=accept")
    assert done == ["ad"]
    assert "They may go." in desk.get("/?did=accept").text


def test_what_cannot_be_done_is_said() -> None:
    def fail(_: object) -> None:
        raise StateError("the disk is full; make room")

    desk = Desk(scene(), [Action("reload", "", fail)], rights=BOTH)
    answer = desk.client.post("/do/reload", data={"token": desk.tokens.of("anna")})
    assert answer.status_code == 409
    assert "the disk is full; make room" in answer.text


def test_what_cannot_be_done_shows_nobody_a_page_that_they_may_not_see() -> None:
    def fail(_: object) -> None:
        raise StateError("the disk is full; make room")

    for right in ("add", "delete"):
        desk = Desk(scene(), [Action("act", "", fail, right)], rights=frozenset({right}))
        for back in ("status", *(["add"] if right == "delete" else [])):
            form = {"token": desk.tokens.of("anna"), "back": back}
            answer = desk.client.post("/do/act", data=form)
            assert (answer.status_code, answer.text) == (409, "the disk is full; make room\n")


def test_tokens_grow_old() -> None:
    desk = Desk(scene())
    token = desk.tokens.of("anna")
    desk.tokens.now = lambda: NOW + 13 * 3600
    assert desk.tokens.fits("anna", token)
    desk.tokens.now = lambda: NOW + 25 * 3600
    assert not desk.tokens.fits("anna", token)


@pytest.mark.parametrize("path", ["/nothing", "/do/", "/metrics/"])
def test_other_pages_are_not_there(path: str) -> None:
    assert Desk(scene()).get(path).status_code == 404


def test_without_the_slash_it_leads_to_the_page() -> None:
    answer = Desk(scene()).get("")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/-/")
