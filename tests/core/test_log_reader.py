"""How a log is read whatever it is: event files, what is said of it, several runs in a file, and what is hostile or too much."""

from __future__ import annotations

import json
import re
import struct
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import diagnose, read_log
from explorer.core.files import documents, lines
from explorer.core.files import rows as tables
from explorer.core.files.forms import LONGEST_LINE
from explorer.core.files.rows import column
from explorer.core.files.sheet import MOST_COLUMNS, MOST_ROWS

NAN = float("nan")


def varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def record(event: bytes) -> bytes:
    """A TFRecord. Its checksums are zero: they are not looked at."""
    return struct.pack("<QI", len(event), 0) + event + bytes(4)


def event(step: int, *values: bytes) -> bytes:
    summary = b"".join(message(1, each) for each in values)
    return record(b"\x09" + struct.pack("<d", 1.6e9) + varint(2 << 3) + varint(step) + message(5, summary))


def simple(tag: str, number: float) -> bytes:
    """As PyTorch's SummaryWriter writes a scalar."""
    return message(1, tag.encode()) + varint(2 << 3 | 5) + struct.pack("<f", number)


def tensor(tag: str, number: float, *, content: bool = False) -> bytes:
    """As TensorFlow 2 does: a float tensor, its number in `tensor_content` or in `float_val`."""
    data = message(4, struct.pack("<f", number)) if content else message(5, struct.pack("<f", number))
    return message(1, tag.encode()) + message(9, message(1, b"\x0a\x07scalars")) + message(8, b"\x08\x01\x12\x00" + data)


HEAD = record(b"\x09" + struct.pack("<d", 1.6e9) + message(3, b"brain.Event:2")) + record(message(4, b"\x0a\x04node" * 9))
PYTORCH = HEAD + b"".join(event(k, simple("Loss/train", 2.5 / k)) + event(k, simple("Loss/val", 3.0 / k)) for k in (1, 2, 5))
KERAS = HEAD + b"".join(event(k, tensor("epoch_loss", 1.5 - k / 4, content=k % 2 == 0), tensor("epoch_accuracy", 0.5)) for k in range(4))


def test_event_files_of_tensorboard() -> None:
    log = read_log(PYTORCH)
    assert log.roles == {"step": "step", "train": "Loss/train", "validation": "Loss/val"}
    assert log.losses.tolist() == [2.5, 1.25, 0.5]
    assert log.curve("validation").tolist() == pytest.approx([3.0, 1.5, 0.6])  # type: ignore[union-attr]
    assert log.step is not None
    assert log.step.tolist() == [1, 2, 5]
    assert read_log(KERAS).losses.tolist() == [1.5, 1.25, 1.0, 0.75]


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_truncated_event_file_is_read_as_far_as_it_goes_and_that_is_said(cut: int) -> None:
    log = read_log(PYTORCH[:-cut])
    assert log.losses.tolist() == [2.5, 1.25, 0.5]
    assert any(note.startswith("The file ends in the middle of record 8") for note in log.notes)


def test_an_event_file_without_scalars_is_refused() -> None:
    with pytest.raises(ValueError, match="has none in its 2 records"):
        read_log(HEAD)


@given(st.binary(max_size=200), st.integers(0, len(PYTORCH)))
def test_a_damaged_event_file_is_read_or_refused_with_a_sentence(noise: bytes, at: int) -> None:
    try:
        log = read_log(HEAD + PYTORCH[len(HEAD) : at] + noise + PYTORCH[at:])
    except ValueError as error:
        assert "must" in str(error)  # noqa: PT017
    else:
        assert log.notes


def test_google_s_protobuf_writes_what_is_read() -> None:
    """The wire format by another hand: protobuf, which comes with Streamlit, makes the same bytes."""
    descriptor_pb2, descriptor_pool, message_factory = (
        pytest.importorskip(f"google.protobuf.{name}") for name in ("descriptor_pb2", "descriptor_pool", "message_factory")
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", syntax="proto3")
    value = file.message_type.add(name="Value")
    value.field.add(name="tag", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    value.field.add(name="simple_value", number=2, type=kinds.TYPE_FLOAT, label=kinds.LABEL_OPTIONAL)
    summary = file.message_type.add(name="Summary")
    summary.field.add(name="value", number=1, type=kinds.TYPE_MESSAGE, type_name="Value", label=kinds.LABEL_REPEATED)
    whole = file.message_type.add(name="Event")
    whole.field.add(name="wall_time", number=1, type=kinds.TYPE_DOUBLE, label=kinds.LABEL_OPTIONAL)
    whole.field.add(name="step", number=2, type=kinds.TYPE_INT64, label=kinds.LABEL_OPTIONAL)
    whole.field.add(name="summary", number=5, type=kinds.TYPE_MESSAGE, type_name="Summary", label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    Event = message_factory.GetMessageClass(pool.FindMessageTypeByName("Event"))
    made = Event(wall_time=1.6e9, step=300, summary={"value": [{"tag": "loss", "simple_value": 0.5}]})
    assert record(made.SerializeToString()) == event(300, simple("loss", 0.5))


# ---- what is said ----------------------------------------------------------------------------------------------------------------------


def test_what_was_read_is_said_with_its_line() -> None:
    assert (
        read_log("hello\n\nstep 1 loss: 0.5\nstep 2 loss: 0.25\n").reading
        == "Read as the training loss: 'loss', 0.5, 0.25, from line 3 on."
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("loss 0.5 loss 0.6\nloss 0.4 loss 0.5\n", "'loss' stands twice in a line: the first number counts."),
        ("step 1,000 loss 2\nstep 2,000 loss 1\n", "'1,000' is ambiguous"),
        ("1,5\n2,5\n3,5\n", "'1,5' is ambiguous"),
        ("step,loss\n1,0.5\n2,\n3,\n", "In 2 of them 'loss' has no value."),
        (
            "iter 1: rpn_loss 3, loss 2\niter 2: rpn_loss nan, loss 1\niter 3: rpn_loss nan, loss nan\n",
            "not finite is 'rpn_loss': nan in line 2",
        ),
        ("epoch 1 J: 0.5\nepoch 2 J: 0.4\n", "'J' is taken for it"),
        ("Iteration 0, inertia 500.1\nIteration 1, inertia 420.0\n", "'inertia' is taken for it"),
        ("x,y\n1,0.5\n2,0.4\n3,0.45\n", "'y' is taken for it"),
        (
            "Epoche 1 Verlust: 1.000\nEpoche 2 Verlust: 0,9\nEpoche 3 Verlust: 0,8\n",
            "'1.000' is ambiguous: it is read as 1000, as if the point",
        ),
        ("epoche;verlust\n1;1.000\n2;0,9\n3;0,8\n", "'1.000' is ambiguous: it is read as 1000, as if the point"),
        ("lm loss: 3 | sop loss: 1\nlm loss: 2 | sop loss: 1\n", "Other losses of training: 'sop loss'."),
    ],
)
def test_what_is_uncertain_is_said(text: str, says: str) -> None:
    assert any(says in note for note in read_log(text).notes)


def test_a_time_of_day_is_not_ambiguous() -> None:
    log = read_log("12:00:10,123 step 1 loss 3.5\n12:00:11,123 step 2 loss 2.5\n")
    assert log.losses.tolist() == [3.5, 2.5]
    assert log.notes == ("All 2 rows are used.",)


@pytest.mark.parametrize("text", ["step,loss\ninf,3\ninf,2\n", "step inf loss 3\nstep inf loss 2\n"])
def test_steps_of_inf_count_nothing(text: str) -> None:
    log = read_log(text)
    assert (log.losses.tolist(), log.step) == ([3, 2], None)
    assert any("'step' does not count the rows" in note for note in log.notes)


def test_two_runs_in_one_file_are_told_apart_and_the_last_is_judged() -> None:
    first = "".join(f"epoch {k} loss: {3 - k / 10}\n" for k in range(1, 9))
    log = read_log(first + "restarted\n" + "".join(f"epoch {k} loss: {2.0**k}\n" for k in range(1, 7)))
    assert log.losses.tolist() == [2, 4, 8, 16, 32, 64]
    assert any("2 runs were written to this file: 'epoch' begins anew in line 10" in note for note in log.notes)
    assert "from line 10 on; the last of 2 runs is judged." in log.reading
    assert log.notes[0] == "6 of 14 rows are used."


def counted(losses: Sequence[float], every: int = 25) -> str:
    return "".join(f"iter {k % every}: loss {loss:.5g}\n" for k, loss in enumerate(losses))


@pytest.mark.parametrize("ends", [1.8, 0.7, float("inf")])
def test_runs_of_one_length_begin_where_the_first_began(ends: float) -> None:
    """A headline between them names the rate, or nothing does; one that is lost, or a fourth, changes nothing."""
    first, second, last = ([3 * q**k for k in range(25)] for q in (ends, 0.8, 0.9))
    for log in (
        read_log("lr = 1.0\n" + counted(first) + "lr = 0.1\n" + counted(second) + "lr = 0.01\n" + counted(last)),
        read_log(counted([*first, *second, *second, *last])),
    ):
        assert log.losses.tolist() == [float(f"{loss:.5g}") for loss in last]
        assert re.search("the last of [34] runs is judged", log.reading)


def test_epochs_that_are_not_printed_go_on_where_the_last_ended() -> None:
    noise = 1 + 0.1 * np.random.default_rng(0).standard_normal(75)
    for level in (2.3 * np.exp(-np.arange(75) / 30), np.full(75, 2.3)):
        assert len(read_log(counted(level * noise)).losses) == 75


@pytest.mark.parametrize(
    "row", ["epoch {} batch {} {:.4f}", "Epoch {} Step {} {:.4f}", "Epoch {}, Step {}, {:.4f}", "epoch {} batch {}\t{:.4f} 0.1"]
)
def test_a_number_without_a_name_behind_two_counters_is_the_loss(row: str) -> None:
    log = read_log("\n".join(row.format(k // 10, k % 10, 2.3 * 0.95**k) for k in range(40)))
    assert log.losses.tolist() == [float(f"{2.3 * 0.95**k:.4f}") for k in range(40)]
    assert log.step is not None
    assert log.step.tolist() == list(range(40))


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_thousands_and_a_decimal_comma_in_what_is_printed(digits: int) -> None:
    losses = [1200 * 1.5**k for k in range(20)]
    european = (f"{loss:,.{digits}f}".translate(str.maketrans(",.", ".,")) for loss in losses)
    log = read_log("\n".join(f"Schritt {k} Verlust {loss}" for k, loss in enumerate(european)))
    assert log.losses.tolist() == [round(loss, digits) for loss in losses]


@pytest.mark.parametrize("mark", [".", ","])
def test_thousands_by_a_space_are_no_columns_of_a_table(mark: str) -> None:
    losses = [90 * 1.5**k for k in range(30)]
    rows = (f"{k}   {loss:,.1f}".replace(",", " ").replace(".", mark) for k, loss in enumerate(losses))
    log = read_log("step loss\n" + "\n".join(rows))
    assert log.losses.tolist() == [round(loss, 1) for loss in losses]
    assert log.step is not None
    assert log.step.tolist() == list(range(30))
    three = "\n".join(f"{k}   {k + 1} {100 + k}.0" for k in range(20))  # an index, a step and a loss
    assert read_log("    step  loss\n" + three.replace(" 1", "  1")).losses.tolist() == [100.0 + k for k in range(20)]


TRACEBACK = 'Traceback (most recent call last):\n  File "t.py", line 3, in <module>\n    loss = 3.0 * f(x)\n'


@pytest.mark.parametrize("before", ["", TRACEBACK, "".join(f"[rank0]: {line}\n" for line in TRACEBACK.splitlines())])
@pytest.mark.parametrize("error", ["ValueError: 3", "KeyError: 17"])
def test_a_number_of_an_error_is_no_loss(before: str, error: str) -> None:
    error = "[rank0]: " * before.startswith("[") + error
    with pytest.raises(ValueError, match=r"all of it is an error: line [14]"):
        read_log(before + error + "\n")
    with pytest.raises(ValueError, match="all of it is an error: line 1 is 'Traceback"):
        read_log(TRACEBACK)
    with pytest.raises(ValueError, match=r"line 4 is 'torch\.cuda"):
        read_log(TRACEBACK + "torch.cuda.OutOfMemoryError: 17\n")
    log = read_log("".join(f"step {k} loss {4 - k / 10:.1f}\n" for k in range(9)) + before + error + "\n")
    assert set(log.columns) == {"step", "loss"}
    assert len(log.losses) == 9
    assert log.alarms[0][0] == "error"


GROWING = [4.0 * 1.5**k for k in range(20)]


@pytest.mark.parametrize("divided", [", ", " ", "; "])
@pytest.mark.parametrize("name", ["losses: ", "train_loss = "])
def test_a_name_and_many_numbers_in_one_line_are_a_list(name: str, divided: str) -> None:
    text = name + divided.join(f"{loss:.1f}" for loss in GROWING)
    log = read_log(text)
    assert log.losses.tolist() == [round(loss, 1) for loss in GROWING]
    both = read_log(text + "\nval_loss: " + divided.join("1.5" for _ in GROWING))
    assert both.roles["validation"] == "val_loss"
    rows = read_log("".join(f"loss: {loss:.1f} 7.0 8.0 9.0\n" for loss in GROWING))  # a name that stands in each line is of rows
    assert rows.losses[:2].tolist() == [4.0, 6.0]
    assert (
        len(read_log("".join(f"epoch {k}: {loss:.1f} 7.0 8.0\n" for k, loss in enumerate(GROWING))).losses) == 20
    )  # nor does one that counts


def test_rows_that_a_number_sign_takes_out_are_left_out() -> None:
    rows = [f"{k},{loss:.3f}" for k, loss in enumerate(GROWING)]
    log = read_log("\n".join(["step,loss", *(f"#{row}" if k in (1, 5) else row for k, row in enumerate(rows))]))
    assert log.losses.tolist() == [float(f"{loss:.3f}") for k, loss in enumerate(GROWING) if k not in (1, 5)]
    assert "2 lines are left out (3, 7): commented out by a #." in log.notes
    assert len(read_log("\n".join(["# step,loss", *(f"# {row}" for row in rows)])).losses) == len(rows)  # all have one


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("remark", [" # ok", "  # warm, cold", " #ok"])
def test_a_remark_behind_a_row_is_none_of_its_cells(remark: str, every: int) -> None:
    rows = [f"{k},{loss:.3f}{remark * (k % every == 0)}" for k, loss in enumerate(GROWING)]
    assert read_log("\n".join(["step,loss", *rows])).losses.tolist() == [float(f"{loss:.3f}") for loss in GROWING]


def test_a_diff_is_read_as_what_it_makes_of_the_file() -> None:
    head = "diff --git a/log.csv b/log.csv\nindex 123..89a 100644\n--- a/log.csv\n+++ b/log.csv\n@@ -1,21 +1,21 @@\n step,loss\n 0,5.0\n"
    old, new = ("".join(f"{sign}{k},{loss:.3f}\n" for k, loss in enumerate(GROWING, 1)) for sign in "-+")
    log = read_log(head + old + new.replace("\n", "5\n"))
    assert log.losses.tolist() == [5.0, *(float(f"{loss:.3f}5") for loss in GROWING)]
    assert log.step is not None
    assert log.step.tolist() == list(range(21))
    assert "from line 7 on" in log.reading
    assert any("20 lines with a minus are left out" in note for note in log.notes)


ONE = [("a", step, 2 * 0.985**step) for step in range(200)]
TWO = [("b", step, 0.04 * 0.985**step) for step in range(120)]
MIXED = sorted(ONE + TWO, key=lambda row: row[1])  # a table in long form, sorted by step


def as_csv(names: str, rows: Sequence[tuple[object, ...]]) -> str:
    return "\n".join([names, *(",".join(map(str, row)) for row in rows)])


def as_json(names: str, rows: Sequence[tuple[object, ...]]) -> str:
    return "\n".join(json.dumps(dict(zip(names.split(","), row, strict=True))) for row in rows)


def as_lists(names: str, rows: Sequence[tuple[object, ...]]) -> str:
    return json.dumps(dict(zip(names.split(","), map(list, zip(*rows, strict=True)), strict=True)))


def as_printed(names: str, rows: Sequence[tuple[object, ...]]) -> str:
    return "\n".join(" ".join(map("{}={}".format, names.split(","), row)) for row in rows)


@pytest.mark.parametrize("written", [as_lists, as_printed])
def test_so_are_runs_in_lists_and_in_lines(written: Callable[..., str]) -> None:
    for rows in (MIXED, ONE + TWO):
        log = read_log(written("run,step,loss", rows))
        assert log.losses.tolist() == [loss for *_, loss in TWO]
        assert log.reading.endswith("; the last of 2 runs, 'b', is judged.")


@pytest.mark.parametrize("written", [as_csv, as_json])
@pytest.mark.parametrize("column", ["run", "run_id", "Run Name", "experiment", "exp", "seed", "trial", "group", "optimizer"])
@pytest.mark.parametrize("names", [("a", "b"), (0, 1), ("7", "7b")])
def test_runs_that_a_column_names_are_told_apart_and_the_last_is_judged(
    written: Callable[..., str], column: str, names: tuple[object, object]
) -> None:
    of = dict(zip("ab", names, strict=True))
    mixed = [(of[run], step, loss) for run, step, loss in MIXED]
    apart = [(of[run], loss) for run, _, loss in ONE + TWO]  # without steps, one behind the other
    for text in (written(f"{column},step,loss", mixed), written(f"{column},loss", apart)):
        log = read_log(text)
        assert log.losses.tolist() == [loss for *_, loss in TWO]
        assert log.reading.endswith(f"; the last of 2 runs, {str(names[1])!r}, is judged.")
        assert any(f"200 rows of {str(names[0])!r} are left out" in note for note in log.notes)
        assert log.notes[0] == "120 of 320 rows are used."
        again = log.with_roles({"train": "loss"})
        assert (again.losses.tolist(), again.reading.split(";")[1]) == (log.losses.tolist(), log.reading.split(";")[1])


@pytest.mark.parametrize("written", [as_csv, as_json, as_lists, as_printed])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "grows", [[2 * 1.2**k for k in range(60)], [*(2 * 0.9**k for k in range(50)), *[np.inf] * 10]], ids=["grows", "lost"]
)
def test_of_named_runs_the_one_that_got_worse_is_judged_wherever_it_stands(
    written: Callable[..., str], first: bool, grows: list[float]
) -> None:
    """The order of the rows does not decide whether a diverging run is passed over."""
    bad, good = [("b", k, loss) for k, loss in enumerate(grows)], [("a", k, 2 * 0.9**k) for k in range(60)]
    for rows in (
        bad + good if first else good + bad,
        sorted(bad + good, key=lambda row: (row[1], row[0] == "b" if first else row[0] == "a")),
    ):
        log = read_log(written("run,step,loss", rows))
        assert diagnose(log).verdict == "diverged"
        assert "'b'" in log.reading
        assert any("60 rows of 'a' are left out" in note for note in log.notes)


def test_a_headline_names_the_run_of_the_lines_below_it() -> None:
    log = read_log("".join(f"=== Run {run}/3 ===\n" + "".join(f"loss: {run / row}\n" for row in range(1, 31)) for run in (1, 2, 3)))
    assert log.losses.compressed().tolist() == [3 / row for row in range(1, 31)]
    assert log.reading.endswith("from line 63 on; the last of 3 runs, '3', is judged.")


def test_a_run_that_is_left_out_and_diverged_is_named() -> None:
    log = read_log(as_csv("run,step,loss", [*MIXED[:40], ("a", 20, np.inf), *MIXED[40:]]))
    assert "The loss of 'a' is not finite in line 42." in log.notes


def test_a_column_of_another_run_alone_has_no_role() -> None:
    rows = [{"run": run, "step": step, "loss": loss} | ({"val_loss": loss + 1} if run == "a" else {}) for run, step, loss in MIXED]
    log = read_log("\n".join(map(json.dumps, rows)))
    assert (log.roles, [*log.columns]) == ({"step": "step", "train": "loss"}, ["step", "loss"])


@pytest.mark.parametrize(
    "label",
    [lambda row: "a", lambda row: f"x{row}", lambda row: "ab"[row // 100]],
    ids=["one value", "a name a row", "a run that was resumed under another name"],
)
def test_a_column_that_tells_no_runs_apart_changes_nothing(label: Callable[[int], str]) -> None:
    losses = [loss for *_, loss in ONE]
    log = read_log(as_csv("run,step,loss", [(label(row), row, loss) for row, loss in enumerate(losses)]))
    assert log.losses.tolist() == losses
    assert "judged" not in log.reading


@pytest.mark.parametrize("written", [as_csv, as_json])
@pytest.mark.parametrize("column", ["phase", "split", "run", ""])
def test_rows_of_training_and_of_validation_are_two_curves(written: Callable[..., str], column: str) -> None:
    names, pairs = ("Train", "val"), [(step, loss + side, side) for _, step, loss in ONE for side in (0, 1)]
    log = read_log(written(f"{column},step,loss", [(names[side], step, loss) for step, loss, side in pairs]))
    assert (log.roles["train"], log.roles["validation"]) == ("loss", "val loss")
    assert log.losses.tolist() == [loss for *_, loss in ONE]
    assert log.curve("validation").tolist() == [loss + 1 for *_, loss in ONE]  # type: ignore[union-attr]
    assert any("their losses are no losses of training" in note for note in log.notes)


def test_lines_that_name_the_groups_of_parameters_are_no_runs() -> None:
    log = read_log("".join(f"epoch {row} loss {loss}\ngroup 0 lr 0.1\ngroup 1 lr 0.01\n" for row, (*_, loss) in enumerate(ONE)))
    assert log.losses.tolist() == [loss for *_, loss in ONE]


def test_batches_of_epochs_are_no_runs() -> None:
    text = "".join(f"epoch {e} batch {b} loss: {1 / (e * 10 + b)}\n" for e in range(1, 4) for b in range(0, 50, 10))
    log = read_log(text)
    assert log.step is not None
    assert log.step.tolist() == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140]


def test_another_column_takes_a_role_and_gives_it_back() -> None:
    log = read_log("step 1 box_loss 1 cls_loss 2\nstep 2 box_loss 0.5 cls_loss 1.5\n")
    total = log.roles["train"]
    assert (total, log.losses.tolist()) == ("box_loss + cls_loss", [3, 2])
    other = log.with_roles({"train": "cls_loss"})
    assert (other.roles["train"], other.losses.tolist()) == ("cls_loss", [2, 1.5])
    assert other.with_roles({"train": total}).losses.tolist() == [3, 2]
    with pytest.raises(ValueError, match="must be one of the columns"):
        log.with_roles({"train": "loss"})


def test_what_was_chosen_before_stays() -> None:
    text = "step,loss,a,b,lr\n" + "".join(f"{k},{k + 1},{k + 2},{k + 3},0.1\n" for k in range(9))
    whole = read_log(text, roles={"train": "b", "validation": "a", "learning_rate": None})
    one_by_one = read_log(text).with_roles({"train": "b"}).with_roles({"validation": "a"}).with_roles({"learning_rate": None})
    later = read_log(text, roles={"learning_rate": None, "validation": "a"}).with_roles({"train": "b"})
    for log in (whole, one_by_one, later, whole.with_roles({})):
        assert log.roles == {"step": "step", "train": "b", "validation": "a"}
        assert log.called == "'b'"
    assert whole.with_roles({"train": "loss", "learning_rate": "lr"}).roles == {
        "step": "step",
        "train": "loss",
        "validation": "a",
        "learning_rate": "lr",
    }
    with pytest.raises(ValueError, match=r"^roles must be"):
        whole.with_roles(["train"])  # type: ignore[arg-type]


def test_a_log_is_diagnosed_as_it_is() -> None:
    text = "".join(f"step {10 * k} loss: {2 * 0.9**k:.4f} val_loss: {3 * 0.9**k:.4f} lr: 0.1\n" for k in range(40))
    log = read_log(text)
    by_hand = diagnose(log.losses, steps=log.step, validation=log.curve("validation"), learning_rate=log.curve("learning_rate"))
    whole = diagnose(log)
    assert (whole.verdict, whole.sentence, whole.evidence, whole.causes) == (
        by_hand.verdict,
        by_hand.sentence,
        by_hand.evidence,
        by_hand.causes,
    )


# ---- too much, or meant ill ------------------------------------------------------------------------------------------------------------

REFUSED: list[tuple[str, bytes, str]] = [
    ("a line of megabytes", b"loss: 1\n" + b"x" * (LONGEST_LINE + 1), r"line 2 has 4,194,305 characters: 'xxx"),
    ("deep lists", b"[" * 10_000 + b"]" * 10_000, "nested deeper"),
    ("deep objects", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested deeper"),
    ("binary", b"loss\n1\n\x00\x01", r"binary \(byte 0 in line 3\)"),
    (
        "no loss in a table",
        b"step,accuracy\n1,0.5\n2,0.6\n",
        r"none was found: it has 'step' \(1, 2; line 2\), 'accuracy' \(0.5, 0.6; line 2\)",
    ),
    ("nothing but a counter", b"id,text\n1,a\n2,b\n3,c\n", r"none was found: it has 'id' \(1, 2, 3; line 2\)"),
    ("another JSON", b'{"model": "x", "layers": ["a", "b"]}', "its JSON, from line 1 on, has none"),
    ("no loss in print", b"epoch 1 accuracy: 0.5\nepoch 2 accuracy: 0.6\n", r"'accuracy' \(0.5, 0.6; line 1\)"),
    ("prose", b"It was the best of times,\nit was the worst of times,\nit was the age of wisdom\nof 1775\n", "none was found"),
    ("rows of 3,000 names", "\n".join(["loss=1.5 " + "k=1 " * 6000] * 5).encode(), "24,008 characters, more than the 20,000"),
]


@pytest.mark.parametrize(("content", "says"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_what_is_no_log_is_refused_and_the_line_named(content: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_log(content)


@pytest.mark.parametrize(
    "text",
    [
        "I get nan after 3 epochs, what is wrong?",
        "Hello,\nmy network gives loss nan and I do not know why.\nThanks\n",
        "My loss is nan, please help",
        "The training loss turns to nan as soon as the learning rate is set to 0.01.",
        "Warum ist loss nan?",
        "After a while my loss is inf. What now?",
    ],
)
def test_prose_with_a_nan_is_refused_as_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"line \d is a sentence"):
        read_log(text)


@pytest.mark.parametrize(
    "text", ["nan", "loss: nan", "Epoch 1 loss nan", "Epoch 3/10: train_loss=nan, val_loss=inf", "Loss is nan, stopping training"]
)
def test_a_lone_nan_of_a_program_is_a_log(text: str) -> None:
    assert np.isnan(read_log(text).losses).tolist() == [True]


@pytest.mark.parametrize(
    "text",
    [
        "kaldi version 5.5\nkaldi version 5.4\nkaldi version 5.3\n",
        "step,temperature\n1,20\n2,21\n3,20.5\n",
        "step 1 foo: 5\nstep 2 foo: 6\nstep 3 foo: 5.5\n",
        "LOG: objective of 'output' is -2.5 over 1000 frames\nLOG: objective of 'output' is -2.1 over 1000 frames\n",
    ],
)
def test_numbers_of_which_nobody_says_that_they_are_a_loss_are_refused_and_named(text: str) -> None:
    """A name that nobody knows may be of what should rise, as a score, or of what says nothing, as a version: a verdict would be a guess.

    J, an inertia or a y beside its x are what people write for what they minimize: these are judged, and it is said.
    """
    with pytest.raises(ValueError, match=r"none was found: it has '.*\(.*; line \d\)"):
        read_log(text)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_with_and_without_its_mark(encoding: str) -> None:
    assert read_log("step,loss\n1,0.5\n2,0.25\n".encode(encoding)).losses.tolist() == [0.5, 0.25]


def test_all_nan_is_a_log() -> None:
    log = read_log("".join(f"step {k} loss: nan\n" for k in range(50)))
    assert np.isnan(log.losses).all()
    assert str(diagnose(log).verdict) == "diverged"


def test_sparse_objects_are_bounded() -> None:
    log = read_log("\n".join(json.dumps({f"name{k}": k, "loss": 1 / (k + 1)}) for k in range(10_000)))
    assert len(log.columns) == MOST_COLUMNS
    assert log.losses.count() == 10_000
    assert any("Of 10,001 names the 500" in note for note in log.notes)


def test_a_shape_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    planned, calls = lines.planned, list[str]()

    def counted(texts: Sequence[str], tag: str = "") -> list[str]:
        calls.append(tag)
        return planned(texts, tag)

    monkeypatch.setattr(lines, "planned", counted)
    read_log("".join(f"step {k} loss {1 / (k + 1)}\n" for k in range(5_000)))
    assert len(calls) <= 4  # in the sample and in the whole, with its empty last line


def test_pairs_are_read_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(given: Sequence[str], *, comma: bool) -> object:
        calls.append(len(given))
        return column(given, comma=comma)

    monkeypatch.setattr(documents, "column", counted)
    assert read_log("".join(f"({k}, {1 / (k + 1)})\n" for k in range(500))).losses.tolist() == [1 / (k + 1) for k in range(500)]
    assert calls == [1000]


def test_a_log_of_many_lines_keeps_rows_of_each_kind_and_the_last() -> None:
    """Kinds of lines that alternate: no stride drops one of them."""
    row = "epoch 1 step {k} train loss: {a}\nepoch 1 step {k} lr: 0.1\nepoch 1 step {k} val loss: {a}\n"
    log = read_log("".join(row.format(k=k, a=1 / (k + 1)) for k in range(MOST_ROWS)))
    assert set(log.roles) == {"step", "train", "validation", "learning_rate"}
    for role in ("train", "validation", "learning_rate"):
        curve = log.curve(role)
        assert curve is not None
        assert curve.count() > MOST_ROWS / 4
    assert len(log.losses) <= 1.2 * MOST_ROWS


def test_bars_of_a_thinned_log_are_no_evaluations() -> None:
    """Of lines that were not read nobody knows whether another epoch began there."""
    log = read_log("".join(f"Epoch {k}/40000\n32/32 [====] - 0s 3ms/step - loss: {1 / k:.6f}\n" for k in range(1, 40_001)))
    assert "validation" not in log.roles
    assert log.losses.count() > 10_000


def test_rows_of_numbers_are_not_taken_for_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which words a cell has is asked of rows of text only: it was half of the time of a large table."""
    asked, known = list[str](), tables._known
    monkeypatch.setattr(tables, "_known", lambda name: asked.append(name) or known(name))  # type: ignore[func-returns-value]
    read_log("step,loss\n" + "".join(f"{k},{1 / (k + 1)}\n" for k in range(100)) + "step,loss\nstep,val_loss\n1,2.5\n")
    assert asked == ["step", "val_loss"]


HOSTILE: dict[str, Callable[[int], str]] = {
    "open calls": lambda n: "float(" * n,
    "one word": lambda n: "a" * n,
    "one number": lambda n: "a=" + "1" * n + "x",
    "spaces": lambda n: "loss: 1\nstep" + " " * n + "x",
    "a key": lambda n: json.dumps({"grad" * n: 1, "loss": 1}),
    "a cell": lambda n: "step,loss\n1,1\n2," + "1" * n + "x",
    "a decimal comma": lambda n: "step;loss\n1;1,5\n2;" + "1" * n + "x,",
    "thousands": lambda n: "loss: " + "1,000" * n,
    "points": lambda n: "loss: " + "1." * n,
    "exponents": lambda n: "loss: " + "1e" * n,
    "clocks": lambda n: "loss: 1\n" + "1:00" * n,
    "bars": lambda n: "loss: 1\n" + "1%|" * n,
    "brackets": lambda n: "loss: 1\n" + "[" * n + "1",
    "lists": lambda n: "a = " + "[1, " * n,
    "quotes": lambda n: "loss: 1\n" + "'" * n + "1",
    "dashes": lambda n: "loss: 1\n" + " - " * n + "1",
    "escapes": lambda n: "loss: 1\n" + "\x1b[" * n + "\x1b]" * n,
    "backspaces": lambda n: "loss: 1" + "\x08" * n + "x",
    "carriage returns": lambda n: "loss: 1" + "\rx" * n,
    "ranks": lambda n: "loss: 1\n" + "rank" * n + "[rank" * n,
    "weights": lambda n: "loss: 1\n" + "(* " * n,
    "nans": lambda n: "loss: 1\n" + "nan(" * n,
    "names": lambda n: "loss: 1\n" + "loss 1 " * n,
    "lines of new names": lambda n: "\n".join(f"loss{chr(97 + k % 26)}x{k}y: 1" for k in range(n // 4)),
    "tags": lambda n: "loss: 1\n" + "train val " * n + "1",
    "dates": lambda n: "loss: 1\n" + "2023-01-0" * n,
    "groups": lambda n: "loss: 1\n" + "1_" * n + "x" + "1\u00a0000" * n,
    "units": lambda n: "loss: 1 k D\n" + "1" * n + "K" + "1." * n + "D" + "1.1" * n + "k",
    "hexadecimals": lambda n: "loss: 1\n" + "loss 0x1 " * n,
    "marks": lambda n: "loss: 1\n" + "Region 8 " * n + "a improved from " * n + "9'900" * n + "1 x 10^" * n,
    "pairs": lambda n: "(1, 2)" * n,
    "pairs in lines": lambda n: "".join(f"({k}, 0.5)\n" for k in range(n // 4)),
    "two columns of names": lambda n: "Training | Validation\nloss | 1 | 2\n" + "loss | 1 " * n + "\nTraining " + " | " * n,
    "terms": lambda n: "1  [1, 2]  [1, 2]\n" + "1 " + "[1]  [" * n + "\n" + "1" * n + "  [",
    "bars and epochs": lambda n: "".join(f"Epoch {k}\n1/2 [=] - loss: 1\n 1/2 [=] - loss: 2\n" for k in range(n // 8)),
    "blank cells": lambda n: "step  loss  val\n" + "1       2\n" * (n // 8) + " " * n + "1",
    "dots": lambda n: "loss: 1\n" + "a.b_" * n + "=1",
}


def cost(text: str) -> float:
    """CPU seconds to read or refuse a text."""
    begin = time.process_time()
    try:
        read_log(text)
    except ValueError as error:
        assert "must" in str(error)  # noqa: PT017
    return time.process_time() - begin


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_text_takes_more_than_linear_time(kind: str) -> None:
    """16 times the length takes 16 times as long, and by far not 256 times; what takes no time at all is not compared."""
    short, long = HOSTILE[kind](1_000), HOSTILE[kind](16_000)
    assert any(cost(long) < 100 * max(cost(short), 1e-3) for _ in range(3)), "three times, for the machine may have been busy"


@settings(max_examples=200)
@given(st.text(alphabet="0123456789.,:;=|/%[](){}'\"-+ \t\r\n\x08\x1blosstepvarnkepch#é损", max_size=300))
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        log = read_log(text)
    except ValueError as error:
        assert "must" in str(error)  # noqa: PT017
    else:
        assert log.reading.startswith("Read as the training loss")
        diagnose(log)


@pytest.mark.parametrize("content", [None, 5, [1, 2, 3]])
def test_what_is_neither_bytes_nor_text_is_refused(content: object) -> None:
    with pytest.raises(ValueError, match=r"^content must be the bytes of a file or the text in it, such as .*, got "):
        read_log(content)  # type: ignore[arg-type]


def test_other_kinds_of_bytes_are_read_as_bytes() -> None:
    text = b"loss\n1\n0.5\n0.2\n"
    for content in (bytearray(text), memoryview(text)):
        assert read_log(content).curve("train").tolist() == [1, 0.5, 0.2]  # type: ignore[arg-type]


@pytest.mark.parametrize(("total", "judged"), [("{:.4f}", "total"), ("100", "ce")])
def test_a_total_is_the_loss_before_its_parts_unless_it_is_a_count(total: str, judged: str) -> None:
    rows = [f"it {k}: total={total.format(2.5 * 0.9**k)} (ce={2 * 0.9**k:.4f}, kl={0.5 * 0.9**k:.4f})" for k in range(12)]
    assert read_log("\n".join(rows)).roles["train"] == judged


WANDB = ["lr", "train/loss", "train/loss__MIN", "val/loss", "_step"]


def wide(runs: dict[str, list[str]]) -> str:
    """A table with columns for each run, as W&B exports it: the k-th of `runs` has its losses, its own rate, and steps 10 k apart."""
    names = ["Step", *(f"{run} - {name}" for run in runs for name in WANDB)]
    rows = len(next(iter(runs.values())))
    cells = [
        [str(k)] + [c for j, of in enumerate(runs.values(), 1) for c in (f"0.{j}", of[k], of[k], of[k], str(10 * j * k))]
        for k in range(rows)
    ]
    return "\n".join(",".join(f'"{cell}"' for cell in row) for row in [names, *cells])


FALLS, GROWS, LOST = ["2", "1.5", "1.2", "1", "0.9", "0.8"], ["2", "4", "9", "40", "200", "3000"], ["2", "1.5", "1.2", "1", "NaN", "NaN"]


@pytest.mark.parametrize("broken", [GROWS, LOST])
@pytest.mark.parametrize("order", [("sun-1", "moon-2", "sea-3"), ("moon-2", "sea-3", "sun-1"), ("sea-3", "sun-1", "moon-2")])
def test_of_runs_in_columns_the_one_that_ends_highest_is_judged(order: tuple[str, ...], broken: list[str]) -> None:
    log = read_log(wide({run: broken if run == "moon-2" else FALLS for run in order}))
    assert log.roles["train"] == "moon-2 - train/loss"
    assert {log.roles["learning_rate"], log.roles["validation"]} == {"moon-2 - lr", "moon-2 - val/loss"}
    assert "of 3 runs with columns of their own 'moon-2' is judged, whose loss ends highest, not " in log.reading
    assert diagnose(log).verdict == "diverged"
    for chosen in ("sun-1", "sea-3", "moon-2", "sun-1"):  # by hand, one after the other
        log = log.with_roles({"train": f"{chosen} - train/loss"})
        assert log.roles["learning_rate"] == f"{chosen} - lr"
        assert f"of 3 runs with columns of their own '{chosen}' is judged, not " in log.reading
        assert log.step is not None
        assert log.step.tolist() == list(range(6))
        assert (diagnose(log).verdict == "diverged") == (chosen == "moon-2")


@pytest.mark.parametrize("names", [("train - loss", "val - loss"), ("generator/loss", "discriminator/loss"), ("Train/loss", "Test/loss")])
def test_sides_and_parts_of_one_run_are_no_runs(names: tuple[str, str]) -> None:
    log = read_log("step," + ",".join(names) + "".join(f"\n{k},{2 * 0.9**k},{3 * 0.9**k}" for k in range(9)))
    assert log.roles["train"] == names[0]
    assert "runs" not in log.reading


def test_columns_whose_prefix_says_run_are_runs() -> None:
    log = read_log("step,seed_0/loss,seed_1/loss,seed_2/loss" + "".join(f"\n{k},{2 * 0.9**k},{2 * 1.9**k},1" for k in range(9)))
    assert log.roles["train"] == "seed_1/loss"


@pytest.mark.parametrize("name", ["number of nan iterations", "number of skipped iterations", "inf count", "nan count"])
def test_a_count_of_lost_steps_is_neither_a_loss_nor_a_step(name: str) -> None:
    lines = read_log("\n".join(f" iteration {k}/ 90 | lm loss: {9 / k:.3E} | {name}: 0 | grad norm: 1.0 |" for k in range(1, 9)))
    table = read_log(f"{name},loss\n" + "\n".join(f"{k},{9 / k}" for k in range(1, 9)))
    assert name in {each.replace("_", " ") for each in lines.columns}
    assert lines.roles == {"step": "iteration", "train": "lm loss", "gradient_norm": "grad norm"}
    assert table.roles == {"train": "loss"}


def test_a_version_is_no_number() -> None:
    log = read_log("torch 2.5.1 on 10.0.0.7\n" + "\n".join(f"step {k} loss {9 / k:.3f}." for k in range(1, 6)))
    assert list(log.columns) == ["step", "loss"]


BROKEN = [1.5] * 20 + [1.5 * 2.0**k for k in range(12)] + [np.nan] * 8


@pytest.mark.parametrize("tensor", ["{:.4f}", "{:.4f} {:.4f}", "tensor({:.4f}, grad_fn=<MseLossBackward0>)"])
@pytest.mark.parametrize("counter", ["[{}] ", "[{}/40] ", "[{}]: ", "({}) ", "<{}> ", "#{} "])
def test_a_counter_in_brackets_counts(counter: str, tensor: str) -> None:
    log = read_log("\n".join(counter.format(k) + tensor.format(loss, loss) for k, loss in enumerate(BROKEN)))
    assert log.step is not None
    np.testing.assert_array_equal(log.step, np.arange(40))
    np.testing.assert_allclose(log.losses.filled(np.nan), BROKEN)
    assert diagnose(log).verdict == "diverged"


def test_thousands_of_thousands_rule_a_decimal_comma_out() -> None:
    falls = [2_000_000 - 40_000 * k for k in range(45)]
    for head, row in (("step;loss", "{};{:,}"), ("step;loss", '"{}";"{:,}"'), ("step\tloss", "{}\t{:,}"), ("step,loss", '{},"{:,}"')):
        assert read_log("\n".join([head, *(row.format(k, loss) for k, loss in enumerate(falls))])).losses.tolist() == falls


@pytest.mark.parametrize(
    ("head", "row", "torn"), [("step,loss,lr\n", "{},{},0.1", "60,{}"), ("", "step {} loss {} lr 0.1", "step 60 loss {}")]
)
def test_a_row_that_was_not_written_to_its_end_is_left_out(head: str, row: str, torn: str) -> None:
    before = head + "".join(row.format(k, 500 - k) + "\n" for k in range(60))
    log = read_log(before + torn.format(4))
    assert log.losses.tolist() == [500 - k for k in range(60)]
    assert f"Line {61 + bool(head)} ends before its row does and is left out." in log.notes
    assert read_log(before + torn.format(4) + "\n").losses[-1] == 4, "a line that ends is a row"
    assert np.isnan(read_log(before + torn.format("nan")).losses[-1]), "and what was lost is not left out"


@pytest.mark.parametrize("tail", [',{"step": 30, "lo', ",", ', {"step": 30, "loss"'])
@pytest.mark.parametrize("head", ["[", '{"log_history": ['])
def test_a_document_that_is_cut_off_is_read_to_its_last_whole_row(head: str, tail: str) -> None:
    log = read_log(head + ",".join(json.dumps({"step": k, "loss": 2 * 1.5**k}) for k in range(30)) + tail)
    assert log.losses.tolist() == [2 * 1.5**k for k in range(30)]
    assert any("ends within a row" in note for note in log.notes)


@pytest.mark.parametrize(
    "names", ["run_a/loss,run_b/loss", "a/loss,b/loss", "loss_a,loss_b", "loss,loss", "loss,loss.1", "train_loss_1,train_loss_2"]
)
def test_of_losses_with_such_names_the_one_that_is_lost_is_judged(names: str) -> None:
    for bad in (lambda k: 2 * 1.5**k, lambda k: 2 * 0.9**k if k < 30 else np.nan):
        for order in (1, -1):
            rows = [[2 * 0.9**k, bad(k)][::order] for k in range(40)]
            log = read_log("step," + names + "".join(f"\n{k},{one},{other}" for k, (one, other) in enumerate(rows)))
            assert diagnose(log).verdict == "diverged"
            assert "is judged" in log.reading or order == -1
    both = read_log("step," + names + "".join(f"\n{k},{2 * 0.9**k},{3 * 0.9**k}" for k in range(40)))
    assert both.losses[0] == (3 if "run" in names else 2)


@pytest.mark.parametrize("names", ["loss_a,loss_b", "loss,loss.1", "r-1 - loss,r-2 - loss", "run1/loss,run2/loss"])
def test_a_loss_without_a_value_is_none_of_several(names: str) -> None:
    for cells in ("{},{},", "{},,{}"):
        log = read_log("step," + names + "".join("\n" + cells.format(k, 2 * 0.9**k) for k in range(20)))
        assert log.losses.tolist() == [2 * 0.9**k for k in range(20)]
        assert "is judged" not in log.reading


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 3, 2), (3, 2, 1, 0), (2, 3, 0, 1)])
def test_what_stands_before_a_side_is_what_it_has_and_no_run(order: tuple[int, ...]) -> None:
    curves = {"Loss - train": lambda k: 0.9**k, "Acc - train": lambda k: 9 - 0.9**k, "Loss - val": lambda k: 2 * 0.9**k, "Acc - val": float}
    names = [[*curves][place] for place in order]
    log = read_log("epoch," + ",".join(names) + "".join(f"\n{k}," + ",".join(f"{curves[name](k)}" for name in names) for k in range(20)))
    assert log.roles == {"step": "epoch", "train": "Loss - train", "validation": "Loss - val"}
    assert "is judged" not in log.reading


def test_a_run_whose_name_begins_another_goes_on_alone() -> None:
    """Its rows are beside those of the judged one, whatever the names begin with."""
    rows = [f"{k},{2 * 0.9**k if k < 12 else ''},{3 * 1.5**k if k < 9 else ''}" for k in range(12)]
    log = read_log("step,run10/loss,run1/loss\n" + "\n".join(rows))
    assert log.roles["train"] == "run1/loss"
    assert [int(np.count_nonzero(each)) for each in log.beside()][-1] == 3


@pytest.mark.parametrize("text", ["nonsense (((", "why [[[", "it was {{{"])
def test_a_text_without_a_number_is_said_to_have_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"^the file must have a column with a loss, and no number in it has a name$"):
        read_log(text)


@pytest.mark.parametrize("word", ["None", "null", "--", "NA", "N/A", "overflow", "****", "invalid"])
@pytest.mark.parametrize(
    "line", ["step {} loss {}", "[{}/60] loss={}, lr=0.1", "{{'step': {}, 'loss': {}}}", "| step {} | loss:  {:>8} | 3 ms |"]
)
def test_a_word_where_a_loss_was_a_number_is_a_lost_loss(line: str, word: str) -> None:
    falls = [line.format(k, f"{2 * 0.9**k:.4f}") for k in range(20)]
    log = read_log("\n".join([line.format(0, word), *falls, *(line.format(k, word) for k in range(20, 23))]))
    assert np.isfinite(log.losses[:20].filled(0)).all(), "before the first number it tells nothing"
    assert not np.isfinite(log.losses[-3:].filled(0)).any()
    assert diagnose(log).verdict == "diverged"
    assert any(f"In line 22 'loss' is '{word}', where it was a number before, as in 3 lines" in note for note in log.notes)
    back = read_log("\n".join([*falls[:12], line.format(12, word), *falls[13:]]))
    assert diagnose(back).verdict == "converging"


@pytest.mark.parametrize("line", ["epoch {0} loss {1} val_loss {2}", "epoch {0} val_loss {1} loss {2}"])
def test_a_word_beside_a_loss_that_is_a_number_is_a_value_that_was_not_computed(line: str) -> None:
    log = read_log("\n".join(line.format(k, f"{2 * 0.9**k:.4f}", f"{2 * 0.9**k:.4f}" if k % 4 == 0 else "N/A") for k in range(23)))
    assert np.isfinite(log.curve("train").compressed()).all()  # type: ignore[union-attr]
    assert np.isfinite(log.curve("validation").compressed()).all()  # type: ignore[union-attr]
    assert diagnose(log).verdict != "diverged"


LOSSES = [2 * 0.9**k for k in range(12)]


def by_key(key: str, row: Callable[[float], object]) -> dict[str, object]:
    """Rows by the name that counts each, in the order of the alphabet: 0, 1, 10, 11, 2."""
    return dict(sorted((key.format(k), row(loss)) for k, loss in enumerate(LOSSES)))


@pytest.mark.parametrize(
    "document",
    [
        {"loss": by_key("{}", float), "lr": by_key("{}", lambda _: 0.1)},  # pandas' to_json
        {"loss": by_key("{}", float), "name": "a run", "label": {"0": "cat", "1": "dog"}},
        by_key("{}", lambda loss: {"loss": loss, "lr": 0.1}),  # its orient="index"
        by_key("epoch_{}", lambda loss: {"loss": loss}),
        by_key("Epoch {}", lambda loss: {"train": {"loss": loss}, "lr": 0.1}),
        {"config": {"lr": 0.1, "weights": {"0": 1, "1": 2}}, "history": by_key("step-{}", lambda loss: {"loss": loss})},
        by_key("{}", float),
        by_key("epoch {}", float),
    ],
)
def test_rows_by_the_name_that_counts_them_are_in_its_order(document: dict[str, object]) -> None:
    for text in (json.dumps(document), json.dumps(document, indent=1)):
        log = read_log(text)
        assert log.losses.tolist() == LOSSES
        assert log.step is not None
        assert log.step.tolist() == list(range(12))


def test_so_are_rows_of_python_s_and_those_before_the_end_of_a_file() -> None:
    rows = {k: {"loss": loss, "lr": None} for k, loss in enumerate(LOSSES)}
    assert read_log(str(rows)).losses.tolist() == LOSSES
    assert read_log(json.dumps(rows)[:-1] + ', "12": {"lo').losses.tolist() == LOSSES


@pytest.mark.parametrize("names", ["loss_1,loss_2", "layer_1,layer_2"])
def test_a_number_in_a_name_that_counts_nothing_is_no_row(names: str) -> None:
    one, other = names.split(",")
    log = read_log(json.dumps([{"step": k, one: {"loss": loss}, other: {"loss": 2 * loss}} for k, loss in enumerate(LOSSES)]))
    assert {f"{one}/loss", f"{other}/loss"} <= log.columns.keys()


@pytest.mark.parametrize(
    "names",
    [
        "loss_lr0.1,loss_lr1.0",
        "loss (lr=0.1),loss (lr=1)",
        "loss_lr1e-3,loss_lr1e-2",
        "lr0.1/loss,lr1.0/loss",
        "lr=0.1,lr=1.0",
        "lr 1e-3,lr 1e-2",
        "LR = 3e-4,LR = 1",
    ],
)
def test_a_loss_by_its_rate_is_a_loss(names: str) -> None:
    log = read_log(f"step,{names},lr\n" + "".join(f"{k},{2 * 0.9**k},{2 * 1.6**k},0.1\n" for k in range(20)))
    assert log.roles == {"step": "step", "train": names.split(",")[1], "learning_rate": "lr"}
    assert diagnose(log).verdict == "diverged"


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "rate",
    [
        "lr=0.1",
        "lr=.2",
        "lr=1.",
        "lr = .5",
        "lr=1e-2",
        "lr=1e−2",
        "lr=+1",
        "lr(0.2)",
        "lr: 0.2",
        "learning_rate=0.2",
        "learning rate 0.2",
        "eta=0.2",
        "lr=5e-4 (seed 1)",
        "lr=0.2 b",
    ],
)
def test_of_runs_that_are_named_by_their_rate_the_one_that_ends_highest_is_judged(rate: str, first: bool) -> None:
    """However the rate is written, be it the same twice: to pass it over would be to call the log of a diverging run good."""
    falls, grows = ("lr=0.1", [4 * 0.8**k for k in range(20)]), (rate, [2 * 1.5**k for k in range(20)])
    runs = [grows, falls] if first else [falls, grows]
    rows = "".join(f"{k};{';'.join(f'{losses[k]:.5f}' for _, losses in runs)}\n" for k in range(20))
    log = read_log(f"step;{';'.join(name for name, _ in runs)}\n{rows}")
    assert log.losses.tolist() == pytest.approx(grows[1], abs=1e-5)
    assert "of 2 runs" in log.reading
    assert diagnose(log).verdict == "diverged"


@pytest.mark.parametrize(
    "line",
    [
        "Epoch {0}: Loss {1}/{2} (train/val)",
        "Epoch {0} loss (train/val): {1}/{2} acc (train/val): 0.5/0.6",
        "Epoch {0} train/val loss: {1} / {2}",
        "Epoch {0} val/train loss: {2} | {1}",
        "epoch {0}, loss [train | test] {1} | {2}",
        "epoch {0} trn_loss {1} tst_loss {2}",
    ],
)
def test_two_numbers_of_which_the_words_say_whose_each_is(line: str) -> None:
    log = read_log("\n".join(line.format(k, f"{2 * 0.9**k:.4f}", f"{3 * 0.9**k:.4f}") for k in range(12)))
    assert log.losses[:2].tolist() == [2, 1.8]
    assert log.curve("validation")[:2].tolist() == [3, 2.7]  # type: ignore[index]


@pytest.mark.parametrize("torn", ["3.9e", "3.9e+", "3.9e+0", "3.9", "3"])
@pytest.mark.parametrize("line", ["step {} loss {}", "{},{}", "Epoch {}\n - 3s - loss: {}", "{}\t{}", "step {} lr 0.1 |  loss {:>12}"])
def test_a_last_line_that_ends_within_its_number_is_left_out(line: str, torn: str) -> None:
    head = {"{},": "step,loss\n", "{}\t": "step\tloss\n"}.get(line[:3], "")
    before = head + "".join(line.format(k, f"{2 * 1.5**k:.4e}") + "\n" for k in range(28))
    log = read_log(before + line.format(28, torn))
    assert log.losses.compressed()[-1] == pytest.approx(2 * 1.5**27, rel=1e-4)
    assert f"Line {before.count(chr(10)) + line.count(chr(10)) + 1:,} ends within a number and is left out." in log.notes
    assert "it has not turned" in diagnose(log).sentence
    assert read_log(before + line.format(28, "3.9123e+05")).losses.compressed()[-1] == 391230
    if "e" not in torn[1:]:
        assert read_log(before + line.format(28, torn) + "\n").losses.compressed()[-1] == float(torn), "a line that ends is whole"


def test_a_number_of_the_usual_form_ends_a_file() -> None:
    for row in ("step {} loss {:.4f}", "step {} loss {:.3g}", "step {} loss {:.0f}", "{},{}"):
        log = read_log("\n".join(row.format(k, 1000 * 0.7**k) for k in range(30)))
        assert log.losses.count() == 30
        assert np.isnan(read_log("\n".join(row.format(k, 1000 * 0.7**k if k < 29 else np.nan) for k in range(30))).losses[-1])


CALM = [f"{2 * 0.9**k:.4f}" for k in range(20)]


def rows_of(cells: Sequence[str], row: str = "{},{}\n", start: int = 0) -> str:
    return "".join(row.format(k, cell) for k, cell in enumerate(cells, start))


@pytest.mark.parametrize(
    ("row", "losses", "says"),
    [
        ("{},{},0.1,\n", ["nan"] * 4, ""),
        ("{},{},0.1,skipped\n", ["nan"] * 4, "4 rows with more cells than names (22, 23, 24, 25): 'skipped' is left out in the first."),
        ("{},{},0.1,overflow\n", ["9e3", "9e5", "9e7", "9e9"], "'overflow' is left out"),
        ("{},{},0.1,5\n", ["nan"] * 4, "'5' is left out"),
        ("{},{},0.1\n", ["9,000.5", "90,000.5", "900,000.5", "9,000,000.5"], "commas divide thousands in the first."),
    ],
)
def test_a_row_with_a_cell_too_many_is_read_where_all_else_fits(row: str, losses: list[str], says: str) -> None:
    log = read_log("step,loss,lr\n" + rows_of(CALM, "{},{},0.1\n") + rows_of(losses, row, 20))
    np.testing.assert_array_equal(log.losses[-4:].filled(-1), [float(each.replace(",", "")) for each in losses])
    assert log.curve("learning_rate").tolist() == [0.1] * 24  # type: ignore[union-attr]
    assert says in " ".join(log.notes)
    assert diagnose(log).verdict == "diverged"


def test_rows_at_the_end_that_cannot_be_read_are_an_alarm() -> None:
    """1,4690.0 may be one number or two."""
    calm = "step,loss,lr\n" + rows_of(CALM, "{},{},0.1\n")
    log = read_log(calm + rows_of(["1,4690.0", "2,5690.0"], "{},{},0.1\n", 20))
    assert log.losses.count() == 20
    assert "the log ends with 2 rows that could not be read from line 22 on" in diagnose(log).sentence
    for end in ("done, saved\n", "step,loss,lr\n", "20,1.5,0.1,a,b\n" + rows_of(["1.0"], "{},{},0.1\n", 21)):
        assert "could not be read" not in diagnose(read_log(calm + end)).sentence


@pytest.mark.parametrize("step", ["", "inf", "nan", "?"])
def test_a_loss_counts_whose_step_cannot_be_read(step: str) -> None:
    lost = read_log("step,loss\n" + rows_of(CALM) + f"{step},nan\n" * 4)
    assert np.isnan(lost.losses[-4:].filled(0)).all()
    assert lost.step is not None
    assert lost.step.tolist() == list(range(24))
    assert "In 4 rows 'step' cannot be read: they are placed by the rows around them." in lost.notes
    assert diagnose(lost).verdict == "diverged"
    cells = [f"{step if k in (0, 5, 6) else 10 * k},{loss}" for k, loss in enumerate(CALM)]
    within = read_log("step,loss\n" + "\n".join(cells))
    assert within.losses.tolist() == [float(each) for each in CALM]
    assert within.step is not None
    assert within.step.tolist() == [10 * k for k in range(20)]


@pytest.mark.parametrize("row", ["{},{}\n", "step {} loss {}\n", "{} {}\n"])
def test_a_blank_within_a_number_is_none(row: str) -> None:
    head = "" if "step" in row else row.format("step", "loss")
    cells = [f"{9.75 * 0.9**k:.2f} {'eE'[k % 2]}-01" for k in range(12)]
    log = read_log(head + rows_of(cells, row))
    assert log.losses.tolist() == [float(each.replace(" ", "")) for each in cells]
    assert read_log("\n".join(f"loss {k + 1}.5 e-commerce 3" for k in range(9))).losses[0] == 1.5


@pytest.mark.parametrize("row", ['{},"{}\n', '"{},{}\n', '{},{},"ok\n', '{};"{}\n'])
@pytest.mark.parametrize("every", [1, 2, 12])
def test_a_quote_that_is_not_closed_swallows_no_row(row: str, every: int) -> None:
    losses = [2 * 1.5**k for k in range(20)]
    head = "step,loss,note\n" if "ok" in row else row.replace('"', "").format("step", "loss")
    log = read_log(head + "".join((row if k % every == 0 else row.replace('"', "")).format(k, loss) for k, loss in enumerate(losses)))
    assert log.losses.tolist() == losses
    assert log.notes[0] == "All 20 rows are used."


def test_a_cell_of_two_lines_is_one() -> None:
    log = read_log("step,loss,note\n" + "".join(f'{k},{1 / (k + 1)},"fine,\nso far"\n' for k in range(9)))
    assert log.losses.tolist() == [1 / (k + 1) for k in range(9)]


@pytest.mark.parametrize("names", ["", "epoch, train loss, val loss\n"])
def test_commas_without_a_space_are_decimal_where_others_have_one(names: str) -> None:
    cells = [(f"{2.4058 * 0.9**k:.4f}", f"{2.5 * 0.9**k:.1f}") for k in range(9)]
    log = read_log(names + "".join(f"{k}, {one}, {other}\n".replace(".", ",") for k, (one, other) in enumerate(cells, 1)))
    assert log.losses.tolist() == [float(one) for one, _ in cells]
    assert next(iter([*log.columns.values()][2:])).tolist() == [float(other) for _, other in cells]
    assert "Numbers are read with decimal commas: '2,4058' is 2.4058." in log.notes
    assert read_log("step, loss\n" + "".join(f"{k}, {9 - k},5\n" for k in range(8))).losses[0] == 9.5
    assert read_log("step, loss\n" + "".join(f"{k}, {9 - k}.5\n" for k in range(8))).losses[0] == 9.5


def test_two_signs_are_no_number() -> None:
    with pytest.raises(ValueError, match=r"^the file must have"):
        read_log("--1, 2")
