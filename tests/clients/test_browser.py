"""The pages in a real browser: Chromium, driven by Playwright."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.clients.conftest import PASSWORD, USER
from tests.serving import ACCOUNTS, Serving
from tests.torrents import link

pytestmark = pytest.mark.client

PAGES = ("", "realdebrid/magnets/?sort=date", "-/", "-/add?words=run")
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium(need: Callable[..., None]) -> Iterator[Browser]:
    need("chromium")
    with sync_playwright() as playwright:
        program = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(chromium: Browser, demo: Serving, path: str = "", **how: Any) -> Iterator[Page]:
    """A page of somebody who is logged in. The console must tell of no error, but that a form was
    refused.
    """
    login = {"username": USER, "password": PASSWORD}
    context = chromium.new_context(http_credentials=login, base_url=demo.url, **how)  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path)
    yield page
    context.close()
    assert [each for each in complaints if "409 (Conflict)" not in each] == []


def test_a_folder_shows_what_is_in_it(chromium: Browser, demo: Serving) -> None:
    with opened(chromium, demo) as page:
        assert set(page.locator("td.name").all_inner_texts()) == set(ACCOUNTS)
        page.get_by_role("link", name="Status").click()
        expect(page).to_have_url(f"{demo.url}-/")


def test_the_status_keeps_itself_fresh(chromium: Browser, demo: Serving) -> None:
    with opened(chromium, demo, "-/") as page:
        expect(page.get_by_role("heading", level=2).first).to_have_text("Accounts")
        expect(page.get_by_role("button", name="Live")).to_be_visible()
        page.wait_for_selector("section[data-was]")
        page.get_by_role("button", name="Live").click()
        expect(page.get_by_role("button", name="Paused")).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_by_day_and_night(
    chromium: Browser, demo: Serving, path: str, scheme: Any
) -> None:
    with opened(
        chromium, demo, path, viewport=PHONE, is_mobile=True, color_scheme=scheme
    ) as page:  # fmt: skip
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        assert (int(red) < 64) == (scheme == "dark")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_does_not_see_well_or_uses_no_mouse_is_not_left_out(
    chromium: Browser, demo: Serving, path: str, scheme: Any
) -> None:
    with opened(chromium, demo, path, color_scheme=scheme, bypass_csp=True) as page:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", PAGES)
def test_a_finger_meets_what_it_is_meant_for(chromium: Browser, demo: Serving, path: str) -> None:
    """44 pixels, as WCAG 2.2 (2.5.5) and Apple's guidelines ask; links in the text are exempt."""
    with opened(chromium, demo, path, viewport=PHONE, is_mobile=True, has_touch=True) as page:
        small = page.evaluate("""() =>
            [...document.querySelectorAll("button, select, input, summary, nav a, th a, td a")]
            .map((each) => each.matches("td a") ? each.closest("tr") : each)
            .filter((each) => each.checkVisibility() && each.type != "hidden")
            .filter((each) => each.getBoundingClientRect().height < 43.9)
            .map((each) => each.outerHTML.slice(0, 80))""")
        assert small == []


def test_something_is_found_and_added_by_one_click(chromium: Browser, demo: Serving) -> None:
    with opened(chromium, demo, "-/add") as page:
        page.get_by_label("What to look for").fill("sprite fright")
        page.keyboard.press("Enter")
        row = page.get_by_role("row", name="Sprite.Fright.2021.2160p")
        expect(row).to_contain_text("230")
        row.get_by_role("button", name="Add").click()
        expect(page.get_by_role("status").first).to_contain_text("It is in the queue")
        expect(page.get_by_role("row", name="Sprite.Fright.2021.2160p")).to_be_visible()


def test_a_link_is_added_with_the_keys_alone(chromium: Browser, demo: Serving) -> None:
    with opened(chromium, demo, "-/add") as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "links":
                break
        page.keyboard.type(link("7" * 40, "Elephants Dream by keys"))
        for key in ("Tab", "Tab", "a", "Tab", "Enter"):  # past the files, to the accounts
            page.keyboard.press(key)
        expect(page.get_by_role("status").first).to_contain_text("It is in the queue")
        expect(page.locator("#queue")).to_contain_text("Elephants Dream by keys")
        assert page.get_by_label("to", exact=True).input_value() == "alldebrid"


def test_without_script_all_can_be_read_and_done(chromium: Browser, demo: Serving) -> None:
    with opened(chromium, demo, "-/add", java_script_enabled=False) as page:
        expect(page.locator("#live")).to_be_hidden()
        page.locator("#links").fill("Dear diary")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("no magnet link")
        page.locator("#links").fill(link("8" * 40, "Hero without script"))
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator("#queue")).to_contain_text("Hero without script")
        page.get_by_role("link", name="Status").click()
        expect(page.locator("#catalog")).to_contain_text("magnets shown")
