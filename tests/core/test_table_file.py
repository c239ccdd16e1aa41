"""Files that people bring: every way in which one can be odd is read right or refused with a sentence, and nothing is lost in silence."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import LOSSES, OPTIMIZERS, Setup, critical_learning_rate
from explorer.core.data import remember
from explorer.core.files.tables import MOST_BYTES, read_table

PLAIN = "size,rooms,rent\n50.5,2,500\n80,3,750\n100,4,900\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", ", "),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("\n", "\n\n").rstrip("\n"),
        PLAIN.replace(",", ";").replace("50.5", "50,5"),
        PLAIN.replace(",", "\t").replace("50.5", "50,5"),
        PLAIN.replace("size,rooms,rent", '"size","rooms","rent"'),
        PLAIN.replace("500", "5e2").replace("900", "+900.0"),
        "\ufeff" + PLAIN,
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_delimiters_decimals_and_encodings(content: str, encoding: str) -> None:
    file = read_table(content.removeprefix("\ufeff").encode(encoding) if encoding == "utf-16" else content.encode(encoding))
    assert file.table.names == ("size", "rooms")
    assert file.table.features.tolist() == [[50.5, 2], [80, 3], [100, 4]]
    assert file.table.target.tolist() == [500, 750, 900]
    assert file.target == "rent"
    assert file.notes[0] == "All 3 rows are used."


def test_grouped_thousands_with_decimal_commas() -> None:
    file = read_table(b"a;b\n1.234,5;1\n12.345.678;2\n7,25;3\n")
    assert file.table.features[:, 0].tolist() == [1234.5, 12345678, 7.25]
    assert file.notes[1] == "Numbers are read with decimal commas: '1.234,5' is 1234.5."


def test_commas_inside_quotes_are_text_in_a_file_of_commas() -> None:
    file = read_table(b'street,a,b\n"Elm, north",1,2\n"Oak, south",2,5\n')
    assert file.table.names == ("a",)
    assert "Column 'street' is left out: it has text, such as 'Elm, north' in line 2." in file.notes


def test_names_in_the_letters_of_excel() -> None:
    assert read_table("größe;preis\n1;2\n2;3\n".encode("cp1252")).table.names == ("größe",)


def test_every_row_and_column_is_accounted_for() -> None:
    text = "name,a,b,same,empty,c\nAnna,1,2,7,,10\nBen,,3,7,NA,11\nCleo,2,4,7,,12\n,,,,,\nDora,5,n/a,7,?,13\nEve,3,9,7,-,15\n"
    file = read_table(text.encode())
    assert file.table.names == ("a", "b")
    assert file.table.features.tolist() == [[1, 2], [2, 4], [3, 9]]
    assert file.table.target.tolist() == [10, 12, 15]
    assert file.notes == (
        "3 of 6 rows are used; 3 have a missing value: lines 3, 5, 6.",
        "Column 'same' is left out: it is 7 in every row.",
        "Column 'name' is left out: it has text, such as 'Anna' in line 2.",
        "Column 'empty' is left out: it has no value in any row.",
    )


def test_a_target_of_two_words_is_two_classes() -> None:
    text = "x,kind\n1,no\n2,yes\n3,no\n4,\n5,yes\n"
    file = read_table(text.encode(), target="kind")
    assert file.table.target.tolist() == [0, 1, 0, 1]
    assert file.notes == ("4 of 5 rows are used; 1 has a missing value: line 5.", "In 'kind', 'no' is 0 and 'yes' is 1.")
    assert file.targets == ("x", "kind")
    loss = LOSSES["logistic_regression"](data=remember(file.table))
    assert loss.coordinates == ("x", "intercept")  # type: ignore[attr-defined]


def test_another_target_makes_another_table() -> None:
    file = read_table(PLAIN.encode(), target="size")
    assert (file.table.names, file.target, file.targets) == (("rooms", "rent"), "size", ("size", "rooms", "rent"))
    setup = Setup("linear_regression", learning_rate=1e-6, knobs={"loss.data": remember(file.table), "loss.standardize": True})
    assert setup.run().steps == 100
    assert 0 < critical_learning_rate(setup.make_loss(), OPTIMIZERS["gradient_descent"]()) < np.inf


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file must have a line of names and rows of numbers, and it is empty"),
        (b" \n\n ", "and it is empty"),
        (b"\xef\xbb\xbf", "and it is empty"),
        (b"PK\x03\x04rest", "this is a workbook or an archive: save the sheet as CSV"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "this is binary"),
        (bytes(range(256)), "this is binary"),
        (b"\xff\xfeodd", "this is binary|two columns"),
        (b"a,b\n" + b"1,2\n" * (MOST_BYTES // 4), r"the file must be at most 1 MB \(1,048,576 bytes\), got 1,048,580"),
        (b"a|b\n1|2\n3|4\n", r"divided by comma, semicolon or tab, got one; 'a\|b' seems to be divided by '\|'"),
        (b"a b\n1 2\n3 4\n", "seems to be divided by ' '"),
        (b"a\n1\n2\n", "must have two columns or more, divided by comma, semicolon or tab, got one$"),
        (b"1,2\n3,4\n5,6\n", "the first line must hold the columns' names, got numbers: 1, 2"),
        (b"1,5;2,5\n3;4\n", "the first line must hold the columns' names, got numbers: 1,5, 2,5"),
        (b"a,,b\n1,2,3\n", "column 2 of 3 has none"),
        (b"a,b,a\n1,2,3\n2,3,4\n", "every column must have a name of its own, but 'a' stands 2 times"),
        (b"a,b\n1,2\n3\n", "every line must have as many cells as the first, 2, but line 3 has 1"),
        (b"a,b\n1,2\n3,4,5\n", "but line 3 has 3"),
        (b"a,b\n", "at least two rows of values under its names, got 0"),
        (b"a,b\n1,2\n", "at least two rows of values under its names, got 1"),
        (b"a,b\n1,2\n2,\n", r"at least two rows without a missing value, got 1 of 2; .* empty in line 3 is"),
        (b"a,b\n1,2\n2,inf\n", "every number must be finite, but column 'b' has inf in line 3"),
        (b"a,b\n-Infinity,2\n2,3\n", "but column 'a' has -Infinity in line 2"),
        (b"a,b\n1e999,2\n2,3\n", "but column 'a' has 1e999 in line 2"),
        (b"a;b\n1,5;2\n2.5;3\n", "all its numbers with a decimal point, or all with a comma, got '1,5' and '2.5'"),
        (b"a,b\nx,y\nz,w\nv,u\n", "the file must have columns of numbers, and 'a', 'b' have none"),
        (b"a,b\n1,5\n2,5\n", "the target must vary, but 'b' is 5 in every row that is used: choose another target"),
        (b"a,b\n7,1\n7,2\n", r"besides the target 'b'; All 2 rows are used. Column 'a' is left out: it is 7"),
        (b'a,b\n"1,2\n3,4\n', "line|rows|cells"),
        (
            (",".join(f"c{i}" for i in range(202)) + "\n" + "\n".join(",".join([str(r)] * 202) for r in range(3))).encode(),
            "at most 200 columns",
        ),
    ],
)
def test_refusals(content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_table(content)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("price", "the target must be one of name, x, gone, y, got 'price'"),
        ("name", "two different words, but 'name' has 3 different values, such as 'Anna', 'Ben', 'Cleo'"),
        ("gone", "the target must be a column of numbers, but 'gone' has no value in any row"),
    ],
)
def test_targets_that_are_none(target: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_table(b"name,x,gone,y\nAnna,1,,4\nBen,2,,5\nCleo,3,,7\n", target=target)


def test_one_megabyte_is_read_and_soon() -> None:
    row = b"1.25,2.5,3.75,10\n" * 2 + b"0.5,1.5,7.25,11\n"
    content = b"a,b,c,y\n" + row * ((MOST_BYTES - 8) // len(row))
    begin = time.process_time()
    file = read_table(content + b" " * (MOST_BYTES - len(content) - 1) + b"\n")
    assert len(file.table.target) > 60_000
    assert time.process_time() - begin < 3


cells = st.one_of(
    st.integers().map(str), st.floats().map(str), st.sampled_from(["", "NA", "x", '"', "1,5", "1.5", "inf"]), st.text(max_size=4)
)


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_bytes_are_read_or_refused_with_a_sentence(content: bytes) -> None:
    try:
        read_table(content)
    except ValueError as error:
        assert "must" in str(error)  # noqa: PT017


@given(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=6), st.sampled_from(",;\t"))
def test_any_rows_are_read_or_refused_with_a_sentence(rows: list[list[str]], delimiter: str) -> None:
    try:
        file = read_table("\n".join(delimiter.join(row) for row in [["a", "b", "c"], *rows]).encode("utf-8", "replace"))
    except ValueError as error:
        assert "must" in str(error)  # noqa: PT017
    else:
        assert np.isfinite(file.table.features).all()
        assert np.isfinite(file.table.target).all()
