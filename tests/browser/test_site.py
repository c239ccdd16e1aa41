"""The web site without a server: every link leads somewhere, every page draws, its search and its quiz answer, for everyone."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer.site.gallery import write_site
from tests.browser.axe import violations

CASES = ("09_x_squared", "15_ravine", "30_race_ravine", "45_map_fractal", "75_zero_weights", "88_zero_by_zero")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder as `python -m http.server` serves it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site(tmp_path_factory.mktemp("site") / "in" / "a folder", only=CASES, app="https://app.example/").parent


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Iterator[Page]:
    """A page of the site's browser; what its console says as an error, and what it asks of others, fails the test."""
    said: list[str] = []
    with served(folder.parent) as address:
        context = browser.new_context(base_url=f"{address}/a%20folder/", viewport={"width": 390, "height": 844})
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" and "404" not in message.text else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if not request.url.startswith((address, "data:", "blob:")) else None)
        yield page
        context.close()
    assert said == []


def test_every_link_leads_to_a_page_beside_it_or_into_the_app(folder: Path) -> None:
    for page in folder.glob("*.html"):
        links = re.findall(r'href="([^"]+)"', page.read_text(encoding="utf-8"))
        assert links
        assert [
            link for link in links if not (folder / link).exists() and not link.startswith(("https://app.example/", "data:image/"))
        ] == [], page.name


def test_every_page_draws_in_both_themes_and_for_everyone(opened: Page, folder: Path) -> None:
    for page in sorted(folder.glob("*.html")):
        for scheme in ("light", "dark"):
            opened.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            opened.goto(page.name)
            if page.name != "index.html":
                expect(opened.locator(".picture[data-drawn]")).to_have_count(1)
                expect(opened.locator("h1")).not_to_be_empty()
            assert violations(opened) == [], page.name
            assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.name


def test_search_and_quiz_answer_again_and_again(opened: Page) -> None:
    opened.goto("index.html")
    tiles, search = opened.locator("[data-words]"), opened.get_by_role("searchbox", name="Search")
    for words, count in (("ravine", 2), ("zzz", 0), ("fractal", 1), ("", 6), ("zzz", 0), ("ravine", 2)):
        search.fill(words)
        expect(tiles.locator("visible=true")).to_have_count(count)
        told = f"{count} of 6 cases" if count else "No case contains these words."
        expect(opened.get_by_role("status").first).to_have_text(told if words else "")
    for _ in range(4):
        opened.get_by_role("radio").first.check()
        opened.get_by_role("button", name="Answer").click()
        expect(opened.locator("#told")).to_contain_text(re.compile("^(Right|It was)"))
        opened.get_by_role("button", name="Next curve").click()
        expect(opened.locator("#told")).to_be_empty()
    for place in (2, 1):
        opened.goto(f"index.html#curve-{place}")
        expect(opened.get_by_role("link", name=f"Curve {place} of ")).to_be_in_viewport()
    opened.get_by_role("button", name="Next curve").click()
    opened.get_by_role("link", name="Curve 2 of ").click()
    expect(opened).to_have_url(re.compile("#curve-2$"))
    opened.get_by_role("radio").first.check()
    opened.get_by_role("button", name="Answer").click()
    opened.locator("#told a").click()
    expect(opened.locator(".picture[data-drawn]")).to_have_count(1)
    opened.go_back()
    expect(tiles.first).to_be_visible()


def test_wrong_wishes_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no case named 'x'; they are 09_x_squared, "):
        write_site(tmp_path / "site", only=["x"])
    with pytest.raises(ValueError, match=r"app must be an address that begins with https:// or http://, got 'javascript:1'"):
        write_site(tmp_path / "site", app="javascript:1")
    assert not (tmp_path / "site").exists()
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(
        ValueError, match=r"^folder must be new, empty, or a site that was written before, got .*, with 1 file: index.html$"
    ):
        write_site(tmp_path)
    with pytest.raises(ValueError, match=r"^folder must be the path of a folder, such as site, or \. for this one, got none$"):
        write_site("")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("index.html", "mine")]


def test_a_site_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    first, again = (write_site(tmp_path, only=["09_x_squared"]) for _ in range(2))
    assert first == again == tmp_path / "index.html"
