"""What a link says is used, or the page says in a sentence that it is not: every page, and whatever a link may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from explorer.ui import panel
from tests.ui.reading import FOLDER, address, leave, opened

PAGES = sorted(FOLDER.glob("pages/[0-9]*.py"))

ODD: list[dict[str, str | list[str]]] = [
    {"steps": "1e9", "learning_rate": "0.05", "foo": "1"},
    {"learning_rate": "1e308", "loss": ["booth", "ravine"], "loss.width": "", "view.nothing": "1"},
    {"lesson": "999", "case": "", "curve": "0.0", "example": "", "symptom": "?", "random": "7", "v": "7", "search": "x" * 101},
    {"learning_rate": "-0", "steps": "0", "start": "nan", "view.predict": "perhaps", "racers": "snail:1", "x": "3", "gradient.x": "sin("},
]


@pytest.mark.parametrize("link", ODD, ids=lambda link: "&".join(link))
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_part_of_a_link_is_used_or_named(page: Path, link: dict[str, str | list[str]]) -> None:
    app = opened(page, link)  # type: ignore[arg-type]
    assert not app.exception
    said, written = [each.value.replace("\\", "") for each in app.warning], address(app)
    assert len(set(said)) == len(said)
    if panel.INSTEAD["first"] not in " ".join(said):  # nothing of the link is used, for the reason that is said
        for name, text in link.items():
            assert same(text, written.get(name)) or any(name.rpartition(".")[2] in each or "snail" in each for each in said), (name, said)
    leave(app)


def same(text: str | list[str], written: str | None) -> bool:
    """Whether this is written in the address, numbers as Python writes them."""
    try:
        return text == written or float(str(text)) == float(str(written))
    except ValueError:
        return False


def test_what_nothing_can_be_made_of_is_not_said_to_be_shown_before() -> None:
    """And a problem that only this page cannot use waits for another, as one that was set by hand does."""
    step_size, network = (FOLDER / "pages" / f"{name}.py" for name in ("10_step_size", "50_network"))
    app = opened(step_size, {"steps": "1e9", "learning_rate": "0.3"})
    assert address(app) == {"v": "1", "loss": "x_squared", "optimizer": "gradient_descent", "learning_rate": "0.3", "start": "1"}
    assert [each.value.partition(" must be ")[0] for each in app.warning] == ["steps"]
    assert "The rest of the link is used" in app.warning[0].value
    app = opened(network, {"loss": "ravine", "learning_rate": "0.3"})
    assert address(app)["loss"] == "network"
    assert "loss must be one of network, convolution, homemade" in app.warning[0].value.replace("\\", "")
    app.switch_page("pages/10_step_size.py").run()
    assert (address(app)["loss"], address(app)["learning_rate"]) == ("ravine", "0.3")
    leave(app)


def test_a_link_that_names_no_loss_speaks_of_the_page_s_own() -> None:
    app = opened(FOLDER / "pages" / "50_network.py", {"learning_rate": "0.25"})
    assert (address(app)["loss"], address(app)["learning_rate"]) == ("network", "0.25")
    assert not app.warning
    leave(app)
