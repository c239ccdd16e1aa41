"""A picture saved as a page of its own: opened from a file, without a network, it drags, plays and speaks as in the app."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer import Setup, sweep
from explorer.core.networks.planes import View, survey
from explorer.core.run.race import Race, Racer
from explorer.site import write_html
from tests.browser.waiting import settle

Visit = Callable[..., Page]
PAGES = (
    "",
    "race",
    "sweep",
    "map",
    "network?v=1&loss=network&loss.examples=20&learning_rate=0.5&steps=40",  # a quick one
    "landscape",
    "diagnose",
    "why_nan",
    "gradient",
    "safe_rate",
)

SENTENCE = """document.querySelector(".picture-sentence:not([hidden])")?.textContent
  || document.querySelector("[data-testid=stMain] h2").textContent"""
"""What a page says of its picture: beside its dial, or in its headline."""


def offline(browser: Browser, file: Path, scheme: str = "light", width: int = 1280) -> tuple[Page, list[str]]:
    """A file opened where nothing can be fetched, drawn, and what its console says."""
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 844})
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith(("file:", "data:", "blob:")) else None)
    page.goto(file.as_uri())
    page.locator(".picture[data-drawn]").wait_for()
    return page, said


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.partition("?")[0] or "step_size")
def test_every_page_gives_its_picture_away(visit: Visit, server: str, browser: Browser, tmp_path: Path, path: str) -> None:
    page = visit(f"{server}/{path}", ignore="404")
    settle(page)
    picture = page.locator(".picture[data-drawn]").first  # one that the page mounts anew is empty until it has what it shows
    sentence = None
    while sentence is None or sentence != page.evaluate(SENTENCE):  # a page still at work says another
        sentence = page.evaluate(SENTENCE)
        with page.expect_download() as saved:  # wherever the page mounts the picture anew meanwhile, its list of ways is closed
            picture.locator("[data-save=html]").dispatch_event("click")
    file = tmp_path / saved.value.suggested_filename
    saved.value.save_as(file)
    assert file.suffix == ".html"
    assert file.stat().st_size < 5e6
    title = page.locator("h1").inner_text()
    recipe = page.evaluate("document.querySelector('.recipe')?.textContent ?? ''")
    assert recipe or path in ("diagnose", "why_nan", "gradient", "safe_rate"), "it says what is run"
    views = (("light", 1280), ("dark", 390))
    first, then = views if PAGES.index(path) % 2 else reversed(views)
    alone, said = offline(browser, file, *first)
    for scheme, width in (first, then):
        alone.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        alone.set_viewport_size({"width": width, "height": 844})
        expect(alone.locator("h1")).to_have_text(title)
        expect(alone.locator(".picture-sentence")).to_have_text(sentence)
        expect(alone.locator(".picture-sentence")).to_be_visible()
        expect(alone.locator("#recipe")).to_have_text(recipe)
        assert alone.locator(".picture-image").get_attribute("aria-label")
        assert alone.get_by_role("link", name="Open it").get_attribute("href", timeout=1000) == page.url
        alone.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
        assert said == []
    if alone.locator(".picture-player").is_visible():  # last: a network's plays its ruler, and the sentence follows
        alone.get_by_role("button", name="Play").click()
        alone.get_by_role("button", name="Pause").click()
    assert said == []
    alone.context.close()


def test_a_file_from_python_drags_by_key_and_pointer_again_and_again(browser: Browser, tmp_path: Path) -> None:
    """With Plotly inside and with Plotly beside it; what is shown is what is said."""
    for inline in (True, False):
        file = write_html(Setup("ravine", "momentum", learning_rate=0.5, steps=60), tmp_path / f"{inline}.html", inline=inline)
        page, said = offline(browser, file)
        dial, sentence = page.get_by_role("slider", name="Learning rate"), page.locator(".picture-sentence")
        box = dial.bounding_box()
        assert box
        seen = set()
        for turn in range(4):
            page.mouse.click(box["x"] + box["width"] * (0.2 + 0.2 * turn), box["y"] + box["height"] / 2)
            dial.press("ArrowLeft")
            dial.press("ArrowRight")
            at = dial.input_value()
            expect(page.locator(".picture")).to_have_attribute("data-drawn", f"{at} 60")
            told = sentence.inner_text()
            assert told in (dial.get_attribute("aria-valuetext") or "")
            seen.add(told)
        assert len(seen) == 4
        assert said == []
        page.context.close()
    assert (tmp_path / "False.html").stat().st_size < 5e5 < (tmp_path / "True.html").stat().st_size < 2e6


@pytest.mark.parametrize(
    ("what", "recipe", "said"),
    [
        (
            Race(Setup("ravine", steps=50), (Racer("gradient_descent", 0.5), Racer("momentum", 0.1), Racer("gradient_descent", 3.0))),
            "gradient descent at 0.5, momentum at 0.1, gradient descent 2 at 3",
            "gradient descent 2 diverged.",
        ),
        (sweep("x_squared", "gradient_descent", [0.3, 0.4, 1.1]), "", "3 runs of 100 steps at the learning rate 0.3 to 1.1: 2 converged"),
    ],
)
def test_a_file_from_python_says_what_is_run_and_what_became_of_it(
    browser: Browser, tmp_path: Path, what: object, recipe: str, said: str
) -> None:
    page, errors = offline(browser, write_html(what, tmp_path / "told.html"))
    expect(page.locator(".picture-sentence")).to_contain_text(said)
    expect(page.locator(".picture-sentence")).to_be_visible()
    expect(page.locator("#recipe")).to_contain_text(recipe)
    assert errors == []
    page.context.close()


def test_a_figure_in_space_brings_all_of_plotly(tmp_path: Path) -> None:
    *_, found = survey(Setup("network", steps=5, knobs={"loss.examples": 20}), View(drawn="surface", planes=1, side=11))
    assert 1.2e6 < write_html(found, tmp_path / "surface.html").stat().st_size < 5e6


@pytest.mark.parametrize("what", [3, "x", None])
def test_what_has_no_picture_is_refused(what: object, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"what is drawn must be one of .*Setup.*Trajectory.*, got "):
        write_html(what, tmp_path / "nothing.html")
    assert not list(tmp_path.iterdir())
