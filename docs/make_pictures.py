"""The pictures that README.md shows, from the running application: `python -m docs.make_pictures`.

docs/step-size.png is the first page as it opens; docs/drag.webp is a drag through the edge. It needs what the tests need: a Chromium
and the extra `test`; Pillow, which joins the stills, comes with Streamlit.
"""

import io
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import ARGUMENTS, NAMES, ROOT, serve

HERE = Path(__file__).parent
SCREEN = {"width": 1440, "height": 1100}
BEYOND = {"v": "1", "loss": "ravine", "optimizer": "gradient_descent", "learning_rate": "2.05", "start": "1,0.3"}
SHRUNK = (864, 600)
"""The animation's size: small enough for a README."""


def main() -> None:
    executable = next(filter(None, map(shutil.which, NAMES)))
    with tempfile.TemporaryDirectory() as folder, serve(ROOT / "app.py", Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        page = browser.new_page(viewport=SCREEN, color_scheme="light")
        still(page, address)
        drag(page, f"{address}/?{urlencode(BEYOND)}")
        browser.close()


def settle(page: Page) -> None:
    """Wait until everything is drawn."""
    page.locator(".picture[data-drawn]").nth(1).wait_for()
    page.wait_for_timeout(1500)


def still(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)
    page.screenshot(path=HERE / "step-size.png")
    shrink(HERE / "step-size.png")


def shrink(path: Path) -> None:
    """The same picture in 256 colors: a third of the bytes, and the eye does not see it."""
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def drag(page: Page, address: str) -> None:
    """Stills of every position from well below the edge to well beyond it, there and back."""
    page.goto(address)
    settle(page)
    picture = page.locator(".picture").first
    dial = page.get_by_role("slider", name="Learning rate")
    stills = []
    for position in range(60, int(dial.get_attribute("max") or 0) - 8, 2):
        dial.evaluate("(input, to) => { input.value = to; input.dispatchEvent(new Event('input')) }", position)
        page.wait_for_function(f"document.querySelector('.picture').dataset.drawn?.startsWith('{position} ')")
        stills.append(Image.open(io.BytesIO(picture.screenshot())).convert("RGB").resize(SHRUNK, Image.Resampling.LANCZOS))
    there_and_back = [*stills, *stills[-2:0:-1]]
    waits = [120] * len(there_and_back)
    waits[0] = waits[len(stills) - 1] = 1200
    there_and_back[0].save(
        HERE / "drag.webp", save_all=True, append_images=there_and_back[1:], duration=waits, loop=0, quality=55, method=4
    )


if __name__ == "__main__":
    main()
