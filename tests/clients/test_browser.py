"""The pages in a real browser."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import html

from tests.clients.conftest import PASSWORD, USER
from tests.serving import ACCOUNTS, Serving

pytestmark = pytest.mark.client


def browsed(url: str, profile: Path, *more: str) -> tuple[str, str]:
    """The document after loading, and what the browser's console said."""
    chromium = shutil.which("chromium") or "chromium"
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    logging = ["--enable-logging=stderr", "--v=0", "--dump-dom"]
    done = subprocess.run(
        [chromium, *options, *logging, *more, url], capture_output=True, text=True, timeout=60
    )
    return done.stdout, "\n".join(re.findall(r".*CONSOLE.*", done.stderr))


def test_a_browser_shows_the_pages_and_has_nothing_to_complain_of(
    demo: Serving, need: Callable[..., None], tmp_path: Path
) -> None:
    need("chromium")
    url = demo.url.replace("//", f"//{USER}:{PASSWORD}@")
    said, complaints = browsed(url, tmp_path)
    cells = html.document_fromstring(said).iterfind(".//td[@class='name']")
    assert {"".join(map(str, cell.itertext())) for cell in cells} == set(ACCOUNTS)
    assert complaints == ""
    said, complaints = browsed(f"{url}realdebrid/magnets/?sort=date", tmp_path)
    assert "Big Buck Bunny (2008)" in said
    assert complaints == ""


def test_a_browser_shows_the_dashboard_and_runs_its_script(
    demo: Serving, need: Callable[..., None], tmp_path: Path
) -> None:
    need("chromium")
    url = demo.url.replace("//", f"//{USER}:{PASSWORD}@")
    said, complaints = browsed(f"{url}-/", tmp_path, "--virtual-time-budget=10000")
    assert complaints == ""
    tree = html.document_fromstring(said)
    titles = ["".join(map(str, each.itertext())) for each in tree.iterfind(".//h2")]
    assert titles[:3] == ["Accounts", "Streams now", "Downloads in progress"]
    (button,) = tree.iterfind(".//button[@id='live']")
    assert (button.get("hidden"), button.text) == (None, "Live")
    assert tree.find(".//section[@data-was]") is not None  # it has kept itself fresh
