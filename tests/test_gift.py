"""The quiz as a file for Moodle: another, small reader of GIFT finds in it every question, its choices, the right one and why."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from explorer.site.casebook import asked, casebook
from explorer.site.gift import QUESTION, escaped, facts, gift
from explorer.site.seen import see


@dataclass
class Question:
    """What a learning platform would have of a question."""

    title: str
    text: str
    choices: list[str]
    right: list[str]
    feedback: str


def read(text: str) -> list[Question]:
    """The questions of a file: character by character, as docs.moodle.org/en/GIFT_format has it, and in no other way than written there."""
    found: list[Question] = []
    for block in re.split(r"\n[ \t]*\n", text.strip()):
        lines = [line for line in block.splitlines() if not line.startswith(("//", "$CATEGORY:"))]
        if lines:
            found.append(one("\n".join(lines)))
    return found


def one(block: str) -> Question:
    parts: dict[str, str] = {"title": "", "text": "", "feedback": ""}
    choices: list[str] = []
    right, place, i = [], "text", 0
    while i < len(block):
        here, pair = block[i], block[i : i + 2]
        if here == "\\":
            here, pair = {"n": "\n"}.get(block[i + 1], block[i + 1]), ""
            i += 1
        if pair == "::" and place != "choices":
            place = {"text": "title", "title": "text"}[place]
            i += 1
        elif pair and here == "{":
            assert place == "text", "a question inside another's answers"
            place = "choices"
        elif pair and here == "}":
            assert place == "feedback"
            place = "end"
        elif pair and here in "=~" and place == "choices":
            choices.append("")
            right += [len(choices) - 1] * (here == "=")
        elif block[i : i + 4] == "####" and pair:
            place = "feedback"
            i += 3
        else:
            assert not (pair and here in "#=~"), f"a bare {here} in {place}"
            if place == "choices":
                assert choices or here.isspace()
                choices[-1:] = [choices[-1] + here] if choices else []
            else:
                assert place in parts or here.isspace(), "text after a question"
                parts[place] = parts.get(place, "") + here
        i += 1
    assert place == "end"
    return Question(
        parts["title"], parts["text"].strip(), [each.strip() for each in choices], [choices[i].strip() for i in right], parts["feedback"]
    )


def test_every_curve_is_a_question_with_its_picture_four_choices_and_why() -> None:
    cases, questions = asked(casebook()), read(gift(casebook(), seed=3))
    assert [each.title for each in questions] == [case.name for case in cases]
    for case, found in zip(cases, questions, strict=True):
        assert found.text.startswith("[html]<img")
        assert re.search(r'src="data:image/svg\+xml;base64,[A-Za-z0-9+/]+=*"', found.text)
        words = html.unescape(re.sub("<[^>]+>", "", found.text))
        assert case.question in words
        assert facts(case.setup, see(case.page, case.query)) in words
        assert words.endswith(QUESTION)
        assert len({*found.choices}) == 4
        assert [html.unescape(each) for each in found.right] == [case.knob]
        assert html.unescape(case.title) in html.unescape(found.feedback)


def test_equal_seeds_mix_alike_and_others_do_not() -> None:
    assert gift(casebook()[:12], 1) == gift(casebook()[:12], 1) != gift(casebook()[:12], 2)


@given(st.lists(st.text("a~=#{}:\\n/$ \n<", max_size=12), min_size=3, max_size=3))
def test_no_character_ends_a_part(texts: list[str]) -> None:
    """Whatever stands in a title, a question or a choice comes back, but for white space around it and a Windows line end."""
    title, question, choice = (each.strip() for each in texts)
    found = one(f"::{escaped(title)}::[html]{escaped(question)}{{\n={escaped(choice)}\n~no\n####{escaped(question)}\n}}")
    assert (found.title, found.text, found.choices, found.right) == (title, f"[html]{question}".strip(), [choice, "no"], [choice])
    assert found.feedback.strip() == question
