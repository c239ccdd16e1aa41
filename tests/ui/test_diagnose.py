"""The pages Diagnose and Safe rate: what a visitor pastes, uploads and turns, and what is said of it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.core.optimizers import Optimizer
from explorer.core.run import safe_rate as own
from explorer.core.run.safe_rate import SafeRate, safe_rate
from explorer.figures.diagnosis import draw
from explorer.site.casebook import casebook
from explorer.ui.way import lab
from tests.ui.reading import FOLDER, PATIENCE, address, finished, opened, pictures, unreadable

DIAGNOSE, SAFE = FOLDER / "pages" / "80_diagnose.py", FOLDER / "pages" / "90_safe_rate.py"

BEGINS = {
    "Explodes": "Diverges: the loss grew",
    "Suddenly nan": "Diverges: the loss was 0.21, nothing unusual",
    "Jumps": "Oscillates:",
    "Noise floor": "Noisy:",
    "Learns, then collapses": "Stuck: the loss had come down",
    "Never learns": "Stuck: the loss has not left",
    "Slow": "Slow:",
    "Catapult": "Catapult:",
}


def pasted(text: str) -> AppTest:
    app = opened(DIAGNOSE)
    app.text_area[0].set_value(text)
    return app.run()


def alts(app: AppTest) -> str:
    return " ".join(each["alt"] for each in pictures(app))


def test_every_example_shows_what_it_is_called() -> None:
    app = opened(DIAGNOSE)
    assert list(app.pills[0].options) == list(BEGINS)
    for name, begins in BEGINS.items():
        app.pills[0].set_value(name).run()
        assert not app.exception
        assert app.header[0].value.startswith(begins), name
        assert app.header[0].value in alts(app)
        assert app.success[0].value.startswith("**What to change first.**")
        assert not any(unreadable(each.value) for kind in (app.header, app.markdown, app.caption, app.success) for each in kind)


def test_of_several_runs_the_page_says_which_is_judged() -> None:
    rows = "\n".join(f"{run},{i},{start * 0.9**i}" for i in range(60) for run, start in (("a", 2.0), ("b", 0.04)))
    app = pasted(f"run,step,loss\n{rows}")
    assert app.header[0].value.startswith("Converg")
    assert app.caption[0].value.endswith("from line 3 on; the last of 2 runs, 'b', is judged.")
    assert any("60 rows of 'a' are left out" in each.value for each in app.caption)


def test_a_table_with_names_can_be_read_otherwise_by_hand() -> None:
    rows = "\n".join(f"{i},{2.0**i},{0.5**i}" for i in range(30))
    app = pasted(f"step,loss,other\n{rows}")
    assert app.header[0].value.startswith("Diverges")
    assert "Read as the training loss: 'loss', 1, 2, 4, …, from line 2 on." in app.caption[0].value
    assert (app.pills[1].label, app.pills[1].value) == ("Judge the column", "loss")
    app.pills[1].set_value("other").run()
    assert not app.exception
    assert app.header[0].value.startswith("Converges")
    assert "'other'" in app.header[0].value
    assert "Read: 'other', 1, 0.5, 0.25, …, from line 2 on." in app.caption[0].value
    assert "The curve of other," in alts(app)


def test_what_was_given_and_chosen_is_there_on_return() -> None:
    """Twice, with another log, and once more with another answer."""
    rows = "\n".join(f"{i},{2.0**i},{0.5**i}" for i in range(30))
    for name, answer in (("other", "mini-batches"), ("third", "mini-batches"), ("third", "full batch")):
        app = pasted(f"step,loss,{name}\n{rows}")
        app.pills[1].set_value(name).run()
        app.segmented_control[0].set_value(answer).run()
        said = app.header[0].value
        app.switch_page("pages/70_cases.py").run()
        app.switch_page("pages/80_diagnose.py").run()
        assert str(app.text_area[0].value).startswith(f"step,loss,{name}")
        assert (app.pills[1].value, app.segmented_control[0].value, app.header[0].value) == (name, answer, said)


@pytest.mark.parametrize("text", ["", "hello", "step,loss", "{}", "[", "<b>", "$x$", "nan", "1", "٣", ";;;", "1e999\n-1e999"])
def test_whatever_is_pasted_gets_a_sentence(text: str) -> None:
    app = pasted(text)
    assert not app.exception
    assert app.header
    assert pictures(app)


def test_what_cannot_be_read_is_said_and_stays_in_its_box() -> None:
    app = pasted("no numbers here\nat all")
    assert "none was found" in app.error[0].value
    assert app.text_area[0].value == "no numbers here\nat all"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_case_is_drawn_over_a_curve_that_is_mere_noise(seed: int) -> None:
    app = pasted("\n".join(f"{each:.4f}" for each in 1.6 + 0.5 * np.random.default_rng(seed).standard_normal(180)))
    assert "too noisy to tell" in app.header[0].value
    assert "average the loss over" in app.markdown[0].value.lower()
    assert "the case" not in alts(app)


def test_the_legend_and_the_answers_fit_on_a_phone() -> None:
    """Lines of 34 letters at most, for every case; and three answers side by side, of 30 letters together."""
    losses = np.exp(-np.arange(30.0))
    for title in [case.title for case in casebook()]:
        drawn = draw(np.arange(30.0), losses, overlay=(title, losses))
        lines = drawn["data"][-1]["name"].split("<br>")
        assert " ".join(lines) == f"case: {title} (stretched to fit)"
        assert max(map(len, lines)) <= 34
    assert sum(map(len, opened(DIAGNOSE).segmented_control[0].options)) <= 30


def test_saying_that_the_steps_were_not_random_changes_the_word() -> None:
    app = opened(DIAGNOSE)
    app.pills[0].set_value("Noise floor").run()
    app.segmented_control[0].set_value("full batch").run()
    assert app.header[0].value.startswith("Oscillates")


def uploader(app: AppTest) -> Any:
    return app.get("file_uploader")[0]


def upload(app: AppTest, name: str, content: str) -> None:
    uploader(app).set_value((name, content.encode(), "text/csv")).run()
    assert not app.exception


def test_the_last_input_wins_and_the_page_says_which_it_reads() -> None:
    """Upload and paste, twice; once more an example; and a file that cannot be read, beside a log of the visitor's own."""
    app = opened(DIAGNOSE)
    if not app.get("file_uploader"):
        pytest.skip("this version of Streamlit cannot upload in a test")
    for level in (0.7, 0.3):
        upload(app, f"log{level}.csv", "step,train_loss\n" + "".join(f"{i},{level}\n" for i in range(20)))
        assert f"all 20 values are {level}" in app.header[0].value
        assert app.caption[0].value.startswith(f"From the file “log{level}.csv”.")
        assert app.pills[0].value is None
        app.text_area[0].set_value("1.7\n" * 9).run()
        assert "all 9 values are 1.7" in app.header[0].value
        assert app.caption[0].value.startswith("From the pasted text.")
        assert not uploader(app).value
        app.text_area[0].set_value("1.3\n" * 9).run()
    app.text_area[0].set_value("1.7\n" * 9).run()
    upload(app, "words.txt", "no number in it")
    assert "Shown instead: the pasted text." in app.error[0].value
    assert "all 9 values are 1.7" in app.header[0].value
    app.pills[0].set_value("Slow").run()
    assert app.caption[0].value.startswith("From the example “Slow”.")
    upload(app, "log.txt", "0.2\n" * 9)
    app.switch_page("pages/70_cases.py").run()
    app.switch_page("pages/80_diagnose.py").run()
    assert app.caption[0].value.startswith("From the file “log.txt”.")
    assert (app.pills[0].value, app.text_area[0].value) == (None, "")


@pytest.mark.parametrize("loss", ["rosenbrock", "absolute", "formula", "saddle", "network"])
def test_a_safe_rate_has_a_sentence_for_every_rule(loss: str) -> None:
    app = finished(opened(SAFE, {"v": "1", "loss": loss, "steps": "50"}))
    assert not app.exception
    assert "steps" in app.header[0].value
    for rule in ("gradient descent", "momentum", "Nesterov", "Adam"):
        assert f"{rule}: " in alts(app)


@pytest.mark.parametrize(
    ("example", "case"),
    [
        ("Explodes", "10_regression_to_nan"),
        ("Suddenly nan", "82_naive_logarithm"),
        ("Noise floor", "83_homemade_batches"),
        ("Slow", "59_convolution_slow"),
    ],
)
def test_the_case_that_looks_most_like_it_is_drawn_over_it_and_opens(example: str, case: str) -> None:
    """Networks are among them."""
    app = opened(DIAGNOSE)
    app.pills[0].set_value(example).run()
    known = next(each for each in casebook() if each.name == case)
    assert f"the case “{known.title}”" in alts(app)
    assert any(known.title in each.value for each in app.markdown)
    assert lab(known.page).removeprefix("pages/")[3:-3] in app.get("page_link")[0].proto.page


def test_no_case_with_good_weights_is_drawn_over_a_run_whose_weights_are_nan() -> None:
    """A gradient that stays nan tells; a case in which the loss alone is nan now and then says the contrary."""
    rows = [(4 * 0.93**k, 1.2) for k in range(30)] + [(2.0 * k + 2, float("nan")) for k in range(4)] + [(0.0, float("nan"))] * 8
    app = pasted("\n".join(f"{{'loss': {loss:.4f}, 'grad_norm': {norm}, 'epoch': {k / 10}}}" for k, (loss, norm) in enumerate(rows)))
    assert app.header[0].value.startswith("Diverges: the gradient's norm is nan")
    assert any("The weights are `nan`" in each.value for each in app.markdown)
    assert not any("The case that looks most like it: **The loss is" in each.value for each in app.markdown)


def test_safe_rates_are_stopped_at_once_shown_as_far_as_they_are_and_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first rule is measured, and the next one again and again, until it is stopped or may end."""
    may_end = threading.Event()

    def measured_again(*given: Any, optimizer: Optimizer, **named: Any) -> SafeRate:
        found = safe_rate(*given, optimizer=optimizer, **named)
        while optimizer.name != "gradient_descent" and not may_end.is_set():
            found = safe_rate(*given, optimizer=optimizer, **named)
        return found

    monkeypatch.setattr(own, "safe_rate", measured_again)  # the page's script reads it at every run
    app = opened(SAFE, {"v": "1", "loss": "ravine", "steps": "51"})
    running = app.session_state["safe_rate:job"][1]
    for again in range(3):  # stopped, gone on with and stopped again
        assert running.running
        assert "gradient descent: " in alts(app), again
        next(each for each in app.button if each.label == "Stop").click().run()
        running.wait(PATIENCE)
        assert not running.running
        assert not app.exception
        assert len(running.latest) == 1
        next(each for each in app.run().button if each.label == "Go on").click().run()
    may_end.set()
    app.multiselect(key="safe_rate:rules").set_value(["gradient_descent", "momentum"]).run()
    finished(app)
    assert "momentum: " in alts(app)
    assert len(app.session_state["safe_rate:job"][1].latest) == 2


def test_a_link_opens_an_example_and_says_no_word_of_what_a_visitor_pastes() -> None:
    app = opened(DIAGNOSE, {"example": "learns_then_collapses", "random": "mini-batches"})
    assert app.header[0].value.startswith(BEGINS["Learns, then collapses"])
    assert app.session_state["diagnose:random"] == "mini-batches"
    app.pills(key="diagnose:example").set_value("Jumps").run()
    assert address(app) == {"example": "jumps", "random": "mini-batches"}
    app.text_area[0].set_value("3 2 1 0.5 0.4 0.3 0.2 0.1").run()
    assert address(app) == {}
    app.pills(key="diagnose:example").set_value("Slow").run()
    assert address(app)["example"] == "slow"
    assert not opened(DIAGNOSE, {"v": "1"}).warning
    wrong = opened(DIAGNOSE, {"example": "nothing"})
    assert "example must be one of explodes, suddenly_nan, jumps" in wrong.warning[0].value.replace("\\", "")
    assert wrong.header[0].value.startswith(BEGINS["Explodes"])
