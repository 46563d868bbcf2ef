"""The page on which things are added, over an intake that is asked."""

import io

import pytest
from lxml import html
from werkzeug.test import TestResponse

from davstore.dashboard import Action, Form
from davstore.dashboard.forms import LARGEST
from davstore.errors import NotAccepted
from tests.dashboard.scenes import ODD, Desk, scene

ADD = frozenset({"add"})


class Taker:
    """Takes whatever the page sends."""

    def __init__(self, problem: str = "") -> None:
        self.forms: list[Form] = []
        self._problem = problem

    def __call__(self, form: Form) -> None:
        if self._problem:
            raise NotAccepted(self._problem)
        self.forms.append(form)


def desk(taker: Taker | None = None, rights: frozenset[str] = ADD) -> Desk:
    actions = [Action(key, "It is in the queue.", taker or Taker(), "add")
               for key in ("add", "forget")]  # fmt: skip
    return Desk(scene(), actions, rights=rights)


def tree(answer: TestResponse) -> html.HtmlElement:
    return html.document_fromstring(answer.text)


def said(answer: TestResponse, key: str) -> str:
    return " ".join(tree(answer).get_element_by_id(key).text_content().split())


def post(asked: Desk, key: str, **fields: object) -> TestResponse:
    data = {"token": asked.tokens.of("anna"), "back": "add", **fields}
    return asked.client.post(f"/do/{key}", data=data)


def test_each_request_needs_its_own_right() -> None:
    asked = desk().dashboard.right
    assert [asked("GET", path) for path in ("/", "/metrics", "/add", "/purge")] == [
        "watch", "watch", "add", "delete",
    ]  # fmt: skip
    assert [asked("POST", f"/do/{key}") for key in ("add", "forget", "?")] == [
        "add", "add", "manage",
    ]  # fmt: skip


def test_links_and_files_are_handed_on_as_they_are() -> None:
    taker = Taker()
    files = [(io.BytesIO(b"one"), "a.torrent"), (io.BytesIO(b"two"), "b.txt"), (io.BytesIO(), "")]
    answer = post(desk(taker), "add", links="magnet:?x\nmagnet:?y", to="rd", files=files)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/-/add?did=add&to=rd")
    (form,) = taker.forms
    assert form.fields["links"].split() == ["magnet:?x", "magnet:?y"]
    assert form.files == [("a.torrent", b"one"), ("b.txt", b"two")]
    assert form.user == "anna"
    assert (form.sees("rd"), form.sees("secret")) == (True, False)


def test_what_is_refused_is_said_and_what_was_typed_stays() -> None:
    answer = post(desk(Taker("Line 2 holds no magnet link.")), "add", links="x & <y>", to="ad")
    assert answer.status_code == 409
    assert "Line 2 holds no magnet link." in answer.text
    page = tree(answer)
    assert page.get_element_by_id("links").text_content() == "x & <y>"
    assert page.xpath("//select[@id='to']/option[@selected]")[0].text == "ad"


@pytest.mark.parametrize("fields", [
    {"files": [(io.BytesIO(bytes(LARGEST)), "a.torrent")]},
    {"files": [(io.BytesIO(b"x"), f"{number}.torrent") for number in range(300)]},
])  # fmt: skip
def test_too_much_is_refused_before_it_is_taken(fields: dict[str, object]) -> None:
    taker = Taker()
    answer = post(desk(taker), "add", **fields)
    assert answer.status_code == 409
    assert "send less at once" in answer.text
    assert taker.forms == []


def test_a_form_from_elsewhere_is_refused() -> None:
    taker = Taker()
    asked = desk(taker)
    assert post(asked, "add", token="wrong", links="magnet:?x").status_code == 403
    data = {"token": asked.tokens.of("anna"), "links": "magnet:?x"}
    for elsewhere in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": elsewhere}
        assert asked.client.post("/do/add", data=data, headers=headers).status_code == 403
    assert asked.client.post("/add", data=data).status_code == 405
    assert taker.forms == []


def test_a_search_says_size_seeders_and_where_it_is_ready() -> None:
    asked = desk(rights=ADD | {"read"})
    answer = asked.get("/add?words=sintel&to=ad")
    assert asked.intake.asked == ["sintel"]
    assert chosen(asked.get("/add?words=sintel")) == ["ad", None]
    assert chosen(answer) == ["ad", "ad"]
    results = said(answer, "results")
    for part in (ODD, "2.1 GB", "99", "in rd already", "the search fails", "in home already"):
        assert part in results
    rows = tree(answer).xpath("//*[@id='results']//tbody/tr")
    assert [row.xpath("string(td[3])").strip() for row in rows] == ["ad", "not known"]
    form = rows[0].find(".//form")
    assert form.get("action") == "/-/do/add"
    sent = {each.get("name"): each.get("value") for each in form.iterfind("input")}
    assert sent["links"] == "magnet:?xt=urn:btih:" + "d" * 40
    assert sent["words"] == "sintel"
    (href,) = tree(answer).xpath("//*[@id='results']//a/@href")
    assert href == "/-/../home/magnets/Bunny%20%26%20co/"


def test_a_search_may_be_for_films_or_shows_alone() -> None:
    asked = desk()
    page = asked.get("/add?words=sintel&kind=movies")
    assert asked.intake.asked == ["sintel movies"]
    assert "among films" in said(page, "results-title")
    kinds = tree(page).xpath("//select[@name='kind']")[0]
    assert [each.text for each in kinds] == ["Everything", "Films", "Shows"]
    assert kinds.findtext("option[@selected]") == "Films"
    answer = post(asked, "add", links="magnet:?x", to="rd", words="sintel", kind="movies")
    assert answer.headers["Location"] == "/-/add?did=add&words=sintel&kind=movies&to=rd"


def chosen(answer: TestResponse) -> list[str | None]:
    """The account that each result is to be added to, if nobody chooses."""
    selects = tree(answer).xpath("//*[@id='results']//select")
    return [each.findtext("option[@selected]") for each in selects]


def test_after_adding_a_result_the_results_are_there_again() -> None:
    asked = desk()
    answer = post(asked, "add", links="magnet:?x", to="rd", words="sintel 2010")
    assert answer.headers["Location"] == "/-/add?did=add&words=sintel+2010&to=rd"
    again = asked.get("/add?did=add&words=sintel+2010&to=rd")
    assert "It is in the queue." in again.text
    assert ODD in said(again, "results")


def test_nothing_is_searched_for_where_nobody_asks_and_nonsense_is_said() -> None:
    asked = desk()
    assert "results" not in asked.get("/add").text.partition("<body>")[2]
    assert asked.intake.asked == []
    assert "two letters" in said(asked.get("/add?words=wrong"), "results")


def test_what_is_on_its_way_is_shown_and_can_be_taken_back() -> None:
    taker = Taker()
    asked = desk(taker)
    answer = asked.get("/add")
    queue = said(answer, "queue")
    for part in ("rd · waits to be added · anna · 60 seconds ago", "Hero (2018)", "processing",
                 "refused; it was not added: not here"):  # fmt: skip
        assert part in queue
    buttons = tree(answer).xpath("//*[@id='queue']//button")
    assert [each.text for each in buttons] == ["Take back", "Dismiss"]
    assert post(asked, "forget", to="rd", hash="a" * 40).status_code == 303
    assert taker.forms[0].fields["hash"] == "a" * 40


def test_the_pages_lead_to_each_other_only_for_who_may_open_them() -> None:
    def tabs(rights: set[str], path: str) -> list[str]:
        answer = desk(rights=frozenset(rights)).get(path)
        return [each.text for each in tree(answer).xpath("//nav[@class='tabs']//a")]

    assert tabs({"add", "read"}, "/add") == ["Add", "Files"]
    assert tabs({"watch"}, "/") == ["Status"]
    assert tabs({"watch", "add", "read"}, "/") == ["Status", "Add", "Files"]
