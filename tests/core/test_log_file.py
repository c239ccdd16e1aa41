"""Logs as people bring them: the tools' exports, and everything that can be wrong with a file. A sentence each time, never a traceback."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.core.diagnosis.diagnosis import diagnose
from explorer.core.files import logs
from explorer.core.files.forms import MOST_BYTES
from explorer.core.files.logs import LogFile, read_log
from explorer.core.files.sheet import MOST_ROWS
from explorer.core.files.text import decoded

NAN, INF = float("nan"), float("inf")

FORMS: dict[str, tuple[str, dict[str, str], list[float | None]]] = {
    "tensorboard": ("Wall time,Step,Value\n1.6e9,0,2.3\n1.6e9,10,1.3\n1.6e9,20,NaN\n", {"step": "Step", "train": "Value"}, [2.3, 1.3, NAN]),
    "w&b": (
        '"Step","calm-sun-7 - train/loss","calm-sun-7 - train/loss__MIN"\n"0","2.3","2.2"\n"9","1","1"\n',
        {"step": "Step", "train": "calm-sun-7 - train/loss"},
        [2.3, 1.0],
    ),
    "lightning": (
        "epoch,lr-SGD,step,train_loss,val_loss\n0,,49,1.5,\n0,,99,1.2,\n0,,99,,1.3\n1,0.1,149,nan,\n",
        {"step": "step", "train": "train_loss", "validation": "val_loss", "learning_rate": "lr-SGD"},
        [1.5, 1.2, NAN],
    ),
    "keras": (
        "epoch,accuracy,loss,learning_rate,val_accuracy,val_loss\n0,0.5,2.3,0.01,NA,NA\n1,0.6,1.9,0.01,0.5,2.0\n",
        {"step": "epoch", "train": "loss", "validation": "val_loss", "learning_rate": "learning_rate"},
        [2.3, 1.9],
    ),
    "json lines": (
        '{"step": 1, "loss": 0.5, "lr": 1e-3, "val": {"loss": 0.6}}\n{"step": 2, "loss": NaN}\n'
        '{"step": 3, "loss": null, "grad_norm": 3.0}\n',
        {"step": "step", "train": "loss", "validation": "val/loss", "learning_rate": "lr", "gradient_norm": "grad_norm"},
        [0.5, NAN, None],
    ),
    "json": (json.dumps([{"loss": 2.0}, {"loss": 1.0}]), {"train": "loss"}, [2.0, 1.0]),
    "tabs": ("step\tloss\n1\t0.5\n2\t0.4\n", {"step": "step", "train": "loss"}, [0.5, 0.4]),
    "semicolons and commas": ("Schritt;Loss\n1;2,5\n2;1,5\n", {"step": "Schritt", "train": "Loss"}, [2.5, 1.5]),
    "markdown": ("| step | loss |\n|---|---|\n| 1 | 0.5 |\n| 2 | 0.4 |\n", {"step": "step", "train": "loss"}, [0.5, 0.4]),
    "spaces": ("  step   loss\n   1  0.5\n   2  0.4\n", {"step": "step", "train": "loss"}, [0.5, 0.4]),
    "no names": ("1,0.5\n2,0.4\n3,0.3\n", {"step": "column 1", "train": "column 2"}, [0.5, 0.4, 0.3]),
    "a comment first": ("# my run\nstep,loss\n1,0.5\n2,0.4\n", {"step": "step", "train": "loss"}, [0.5, 0.4]),
    "one a line": ("0.5\n0.4\ninf\n", {"train": "loss"}, [0.5, 0.4, INF]),
    "decimal commas, one a line": ("0,5\n0,4\n0,3\n", {"train": "loss"}, [0.5, 0.4, 0.3]),
    "all in one line": ("0.5 0.4, 0.3;nan", {"train": "loss"}, [0.5, 0.4, 0.3, NAN]),
    "python's list": ("[0.5, 0.4, nan, tensor(0.3), None]", {"train": "loss"}, [0.5, 0.4, NAN, 0.3, None]),
    "python's dictionaries": (
        "{'loss': 0.51, 'learning_rate': 5e-05, 'epoch': 1.0}\n{'loss': 0.41, 'learning_rate': 5e-05, 'epoch': 2.0}\n",
        {"step": "epoch", "train": "loss", "learning_rate": "learning_rate"},
        [0.51, 0.41],
    ),
    "printed by keras": (
        "Epoch 1/2\n32/32 [====] - 0s 3ms/step - loss: 0.6931 - val_loss: 0.69\nEpoch 2/2\n32/32 [====] - 0s - loss: nan - val_loss: 0.6\n",
        {"step": "Epoch", "train": "loss", "validation": "val_loss"},
        [0.6931, NAN],
    ),
    "printed": ("iter 0: loss 4.2, time 100ms\niter 10: loss 3.2, time 90ms\n", {"step": "iter", "train": "loss"}, [4.2, 3.2]),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_recognized(form: str) -> None:
    text, roles, train = FORMS[form]
    log = read_log(text)
    assert log.roles == roles
    assert_values(log, train)


def assert_values(log: LogFile, expected: list[float | None]) -> None:
    found = log.curve("train")
    assert found is not None
    np.testing.assert_array_equal(np.ma.getmaskarray(found), [each is None for each in expected])
    np.testing.assert_array_equal(found.filled(0), [0 if each is None else each for each in expected])


SPELLINGS = [
    "nan",
    "NaN",
    "NAN",
    "-nan",
    "nan(ind)",
    "-nan(ind)",
    "1.#QNAN",
    "-1.#IND",
    "1.#IND",
    "tensor(nan)",
    "np.float64(nan)",
    "#NUM!",
]
INFINITIES = ["inf", "Inf", "INF", "infinity", "+inf", "+Infinity", "∞", "1.#INF", "1e999", "tensor(inf)"]


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_nan_is_a_value_however_it_is_spelled(spelled: str) -> None:
    assert_values(read_log(f"step,loss\n1,0.5\n2,{spelled}\n"), [0.5, NAN])


@pytest.mark.parametrize("spelled", INFINITIES)
def test_so_is_inf(spelled: str) -> None:
    assert_values(read_log(f"step,loss\n1,0.5\n2,{spelled}\n"), [0.5, INF])


@pytest.mark.parametrize("spelled", ["", "NA", "n/a", "null", "None", "?", "-"])
def test_missing_is_no_value(spelled: str) -> None:
    assert_values(read_log(f"step,loss\n1,0.5\n2,{spelled}\n"), [0.5, None])


REFUSED = [
    (b"", "empty"),
    (b" \n\n ", "empty"),
    (b"\x00\x01\x02" * 100, "binary"),
    (b"PK\x03\x04" + b"a" * 50, "workbook"),
    (b"hello world\nthis is text\n", "none was found"),
    (b"step,loss\n", "only the names"),
    (b"step,loss\n1,0,5\n2,0,4\n", "semicolons or tabs"),
    (b"step;loss\n1;0,5\n2;0.4\n", "decimal point"),
    (b"step,loss\n1,\n2,\n", "has none"),
    (b"1" * (MOST_BYTES + 1), "at most 32 MB"),
]


@pytest.mark.parametrize(("content", "says"), REFUSED)
def test_what_cannot_be_used_is_refused_with_a_sentence(content: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_log(content)


def test_text_in_the_middle_is_left_out_and_counted() -> None:
    log = read_log("step,loss\n1,0.5\nResuming from checkpoint\n2,0.4\nstep,loss\n3,oops\n4,0.3\n")
    assert_values(log, [0.5, 0.4, None, 0.3])
    assert log.notes[0] == "4 of 6 rows are used."
    assert any("2 lines are left out (3, 5)" in note for note in log.notes)
    assert any("'oops' in line 6" in note for note in log.notes)


def test_steps_twice_and_unsorted() -> None:
    log = read_log("step,loss\n3,0.3\n1,0.5\n2,0.4\n2,0.35\n")
    assert log.step is not None
    assert log.step.tolist() == [1, 2, 3]
    assert_values(log, [0.5, 0.35, 0.3])
    assert any("sorted" in note for note in log.notes)
    assert any("1 row repeats a step" in note for note in log.notes)


def test_a_counter_that_begins_again_is_no_step() -> None:
    log = read_log("batch,loss\n" + "".join(f"{i % 10},{1 / (i + 1)}\n" for i in range(50)))
    assert log.step is None
    assert len(log.columns["loss"]) == 50
    assert any("does not count" in note for note in log.notes)


def test_a_column_is_chosen_by_hand() -> None:
    text = "a,b,c\n1,2,3\n2,3,4\n"
    log = read_log(text, roles={"train": "c", "step": "a", "validation": None})
    assert log.roles == {"step": "a", "train": "c"}
    with pytest.raises(ValueError, match="one of the columns a, b, c"):
        read_log(text, roles={"train": "d"})
    with pytest.raises(ValueError, match="a role must be"):
        read_log(text, roles={"color": "a"})


def test_a_million_rows_are_thinned_and_that_is_said() -> None:
    rows = "".join(f"{i},{2 / (i + 1) ** 0.5:.6f}\n" for i in range(10**6))
    log = read_log("step,loss\n" + rows)
    assert len(log.columns["loss"]) <= 1.2 * MOST_ROWS
    assert log.step is not None
    assert log.step[-1] == 999_999
    assert any("1,000,001 lines" in note for note in log.notes)
    found = diagnose(log)
    assert log.of == found.evidence["in the file"] == "1,000,001 lines"
    assert f"after 1,000,001 lines, of which {len(log.losses):,} were judged, the loss is" in found.sentence
    fewer = rows[: rows.index("\n100000,") + 1]
    leaps = diagnose(read_log("step,loss\n" + fewer + "100000,9\n")).sentence  # the last row is judged apart
    assert "after 100,002 lines, of which " in leaps
    assert "the last row alone jumps to 9" in leaps
    assert not any(note.startswith("All ") for note in log.notes)
    short = read_log("step,loss\n" + rows[: rows.index("\n30,") + 1])
    assert (short.of, "in the file" in diagnose(short).evidence) == ("", False)
    assert "after 30 rows" in diagnose(short).sentence


def test_a_loss_that_was_lost_is_not_thinned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST_ROWS", 1000)
    falls = [f"loss: {2 / (i + 1) ** 0.5:.6f}" for i in range(4000)]
    for tail in (
        ["loss: nan", "saved", "bye"],
        ["loss: nan", *15 * ["Traceback (most recent calls):"]],
        ["loss: 1e9", "loss: inf", ""],
    ):
        assert diagnose(read_log("\n".join(falls + tail))).sentence.startswith("Diverges")
    for at in (43, 2001, 3998):
        log = read_log("\n".join([*falls[:at], "loss: nan", *falls[at:]]))
        assert np.isnan(log.losses).sum() == 1
        assert any("the first 20 with nan or inf" in note for note in log.notes)
        table = "loss,lr\n" + "\n".join(f"{line[6:]},0.1" for line in [*falls[:at], "loss: nan", *falls[at:]])
        assert np.isnan(read_log(table).losses).sum() == 1


def test_a_byte_more_than_a_megabyte_is_no_matter() -> None:
    row = "12345,0.123456\n"
    content = ("step,loss\n" + "".join(f"{i},0.123456\n" for i in range(80_000)) + row)[: (1 << 20) + 1]
    assert len(content) == (1 << 20) + 1
    assert read_log(content).notes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_usual_encoding(encoding: str) -> None:
    assert_values(read_log("step,loss,übrig\n1,0.5,ä\n2,0.4,ö\n".encode(encoding)), [0.5, 0.4])


def test_a_foreign_byte_does_not_change_the_letters_of_the_rest() -> None:
    rows = "step,loss,été\n1,0.5,Ärger\n2,0.4,größer\n"
    torn = rows.encode().replace("Ä".encode(), b"\xc4")
    assert decoded(torn, 1000, "rows") == rows.replace("Ä", "\ufffd")
    assert decoded(rows.encode("cp1252"), 1000, "rows") == rows
    assert decoded(b"1,\xe9", 1000, "rows") == "1,é"


@given(st.one_of(st.binary(max_size=300), st.text(alphabet="0123456789.,;:= \t\n|[]{}\"'-+einfalos#/%", max_size=200).map(str.encode)))
def test_never_a_traceback(content: bytes) -> None:
    try:
        log = read_log(content)
    except ValueError:
        return  # a sentence
    assert log.notes
    assert log.curve("train") is not None
