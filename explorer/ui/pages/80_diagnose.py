"""Diagnose: paste the numbers of your own training, or upload its log: what they show, why it may be, and what to change first."""

from html import escape
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from explorer.core.diagnosis.causes import Cause
from explorer.core.diagnosis.diagnosis import Diagnosis, diagnose, likeness
from explorer.core.files.forms import MOST_BYTES
from explorer.core.files.logs import LogFile, read_log
from explorer.core.files.roles import ROLES
from explorer.core.ground.checks import typed
from explorer.core.ground.prose import plain_or
from explorer.figures import diagnosis as figure
from explorer.site.casebook import Case, casebook
from explorer.ui import address, notes
from explorer.ui.picture import picture
from explorer.ui.short_table import short_table
from explorer.ui.way import lab
from explorer.ui.words import fit_to_read, literally, sentence

TEXT, FILE, RANDOM, EXAMPLE = (f"diagnose:{name}" for name in ("text", "file", "random", "example"))
HELD, UPLOADERS = "diagnose:held", "uploaders"
"""What was typed and chosen, by the keys of the widgets: Streamlit forgets a widget when another page is shown."""

KNOWN = {"unknown": None, "mini-batches": True, "full batch": False}
FEWEST = 8  # a case with fewer finite losses has no shape to compare
DEAD = "The weights are nan"  # the cause of a gradient that stays nan
LOG_ZERO = "nan without divergence"

CASES = "pages/70_cases.py"

LETTERS = 1_000_000
NONE = "(no column)"
MOST_PILLS = 8  # more columns are offered in a list


kept = st.cache_resource(scope="session", max_entries=1, show_spinner=False)(read_log)
"""Reads a log once for this visit: every control that is turned asks for it again."""


def example(losses: NDArray[Any]) -> str:
    """Return numbers as somebody would paste them."""
    return "\n".join(f"{each:.4g}" for each in losses)


_RANDOM = np.random.default_rng(0)
_STEPS = np.arange(60)
EXAMPLES = {
    "Explodes": example(np.append(np.minimum(0.9 * 1.9 ** np.arange(34.0), 1e300), [np.inf, np.nan])),
    "Suddenly nan": example(np.append(2.3 * np.exp(-np.arange(30) / 12) + 0.02 * _RANDOM.standard_normal(30), [np.nan] * 6)),
    "Jumps": example(0.4 + np.exp(-_STEPS / 5.0) + 0.15 * (-1.0) ** _STEPS),
    "Noise floor": example(0.3 + 2 * np.exp(-_STEPS / 4.0) + 0.04 * _RANDOM.standard_normal(60)),
    "Learns, then collapses": example(np.where(_STEPS < 12, 0.3 + 1.8 * np.exp(-_STEPS / 3.0), 2.0) + 0.03 * _RANDOM.standard_normal(60)),
    "Never learns": example(np.log(10) + 0.02 * _RANDOM.standard_normal(60)),
    "Slow": example(2.3 - 0.004 * _STEPS),
    "Catapult": example(np.exp(np.where(_STEPS < 8, _STEPS * 0.35, 2.8 - 0.16 * (_STEPS - 8)))),
}
LINKED = {name.lower().replace(",", "").replace(" ", "_"): name for name in EXAMPLES}  # the examples by the name that a link gives them


def main() -> None:
    """From top to bottom: the numbers, the verdict with its picture, what to change first, the causes, the evidence."""
    st.title("What does your loss curve say?", anchor=False)
    linked()
    give()
    notes.show()
    link()
    refused = ""
    for name, content in sources().items():
        try:
            log = given(name, content)
        except ValueError as error:
            refused += f"{literally(sentence(str(error)))} "
            continue
        if refused:
            st.error(f"{refused}Shown instead: {name}.", icon=":material/error:")
        show(log, name)
        return


def linked() -> None:
    """Take the example that the page was opened with, and whether its steps were random."""
    query, mine = address.linked("example", "random"), st.session_state.setdefault(HELD, {})
    if not query:
        return
    name, random = LINKED.get(query.get("example", "")), query.get("random", "unknown")
    if name is None:
        given = f"got {typed(query['example'])}" if "example" in query else "and this link names none"
        notes.also_say(f"example must be one of {', '.join(LINKED)}, {given}. The first one is shown.")
    else:
        take(EXAMPLES[name])
    if random not in KNOWN:
        notes.also_say(f"random must be {' or '.join([*KNOWN][1:])}, got {typed(random)}. It is left open.")
    mine[RANDOM] = random if random in KNOWN else "unknown"


def link() -> None:
    """Put the example into the link; what a visitor brought stays with the visitor."""
    random = st.session_state[HELD].get(RANDOM) or "unknown"
    parts = {"random": random} if KNOWN[random] is not None else {}
    example = next((name for name, title in LINKED.items() if title == st.session_state[EXAMPLE]), None)
    address.write({"example": example} | parts if example else {})
    brought = "" if example else ' data-brought="The link opens this page with an example: the log itself is not in it."'
    st.html(f'<i class="asked"{brought}></i>')  # the share sheet says so (way.js)


def sources() -> dict[str, bytes | str]:
    """Return the last input and, in case it cannot be read, what is shown instead: an upload, the box, the first example."""
    upload, text = st.session_state[HELD].get(FILE), st.session_state[TEXT]
    box = f"the example “{st.session_state[EXAMPLE]}”" if st.session_state[EXAMPLE] else "the pasted text"
    found: dict[str, bytes | str] = {} if upload is None else {f"the file “{literally(upload[0])}”": upload[1]}
    return found | ({} if upload and not text else {box: text}) | {"the example “Explodes”": EXAMPLES["Explodes"]}


def held(key: str, default: Any) -> dict[str, Any]:
    """Let a widget show what is held for it, and return the arguments by which it is held."""
    value = st.session_state.setdefault(HELD, {}).get(key, default)
    if st.session_state.get(key) != value:  # else the browser would be told anew, whatever is being typed there
        st.session_state[key] = value
    return {"key": key, "on_change": hold, "args": (key,)}


def hold(key: str) -> None:
    """Keep what a widget was just set to; the last input wins."""
    if key == TEXT:
        take(st.session_state[TEXT])
    st.session_state[HELD][key] = st.session_state[key]


def take(text: str) -> None:
    """Read this from now on, and no file: the next uploader is another one, and empty."""
    mine = st.session_state[HELD]
    mine |= {TEXT: text, FILE: None, UPLOADERS: mine.get(UPLOADERS, 0) + 1}


def take_file(key: str) -> None:
    """Read an uploaded file from now on, and show no example beside it; what was pasted stays in its box."""
    mine, file = st.session_state[HELD], st.session_state[key]
    mine[FILE] = file and (file.name, file.getvalue())
    if file is not None and mine.get(TEXT, EXAMPLES["Explodes"]) in EXAMPLES.values():
        mine[TEXT] = ""
    elif file is None and not mine.get(TEXT):
        mine[TEXT] = EXAMPLES["Explodes"]


def give() -> None:
    """Show where the numbers come from."""
    text = held(TEXT, EXAMPLES["Explodes"])
    st.session_state[EXAMPLE] = next((name for name, text in EXAMPLES.items() if text == st.session_state[TEXT]), None)
    st.pills("Or look at an example", list(EXAMPLES), key=EXAMPLE, on_change=take_example)
    pasted, uploaded = st.columns(2)
    pasted.text_area("Your losses: one a line, a table with names, or what your program printed", height=170, max_chars=LETTERS, **text)
    uploaded.file_uploader(
        f"Or a log: text, CSV, JSON, an event file of TensorBoard; up to {MOST_BYTES >> 20} MB",
        type=None,  # an event file of TensorBoard ends in anything
        key=(uploader := f"{FILE}:{st.session_state[HELD].get(UPLOADERS, 0)}"),
        on_change=take_file,
        args=(uploader,),
        max_upload_size=MOST_BYTES >> 20,
    )
    uploaded.segmented_control("Were the steps random?", list(KNOWN), **held(RANDOM, "unknown"))


def take_example() -> None:
    """Take over a clicked example."""
    if st.session_state[EXAMPLE] in EXAMPLES:
        take(EXAMPLES[st.session_state[EXAMPLE]])


def given(name: str, content: bytes | str) -> LogFile:
    """The log of that name, with the columns as they were chosen."""
    log = kept(content)
    if len(log.columns) > 1:
        train = judged(log, name)
        with st.expander("Which column is what?"):
            chosen = {"train": train} | {role: column(log, role, name) for role in ROLES if role != "train"}
        changed = {role: name for role, name in chosen.items() if name != log.roles.get(role)}
        log = log.with_roles(changed) if changed else log
    return log


def judged(log: LogFile, whence: str) -> str:
    """The column to judge: one click chooses another."""
    options = sorted(log.columns, key=lambda name: name != log.roles["train"])
    label, key = "Judge the column", f"diagnose:train:{whence}:{'|'.join(log.columns)}"
    if len(options) > MOST_PILLS:
        return st.selectbox(label, options, **held(key, options[0]))
    return st.pills(label, options, format_func=literally, **held(key, options[0])) or options[0]


def column(log: LogFile, role: str, whence: str) -> str | None:
    """The column chosen for a role."""
    key = f"diagnose:{role}:{whence}:{'|'.join(log.columns)}"
    name = st.selectbox(ROLES[role], [NONE, *log.columns], **held(key, log.roles.get(role, NONE)))
    return None if name == NONE else name


def show(log: LogFile, whence: str) -> None:
    """The verdict on a log and all that goes with it."""
    found = diagnose(log, stochastic=KNOWN[st.session_state.get(RANDOM) or "unknown"])
    st.caption(f"From {whence}. {fit_to_read(literally(log.reading))}")
    st.header(literally(sentence(found.sentence)), anchor=False)
    values = log.losses.compressed()
    draw(log, found, most_alike(found, values))
    if found.causes:
        st.success(f"**What to change first.** {fit_to_read(found.causes[0].change)}", icon=":material/build:")
        st.subheader("What may be behind it, the likeliest first", anchor=False)
        likely = st.container()
        rest = st.expander("Less likely") if len(found.causes) > 4 else likely
        for place, cause in enumerate(found.causes, 1):
            (likely if place <= 4 else rest).markdown(told(place, cause))
    st.subheader("What decided", anchor=False)
    for note in log.notes:
        st.caption(fit_to_read(literally(note)))
    measured = {"what was measured": found.evidence.keys(), "value": [shown(each) for each in found.evidence.values()]}
    short_table(pd.DataFrame(measured), "What was measured of the curve")
    st.caption(
        "The verdict does not depend on the loss's unit or zero, nor on how often it was logged. Your numbers are kept for this visit only."
    )


def draw(log: LogFile, found: Diagnosis, case: tuple[Case, NDArray[np.float64]] | None) -> None:
    """The curve, with the case that looks most like it over it, and the way to that case."""
    name = "your training loss" if log.called == "the loss" else log.roles["train"]
    losses, validation = log.losses, log.curve("validation") if "loss" in name else None  # an accuracy has another axis
    there = ~np.ma.getmaskarray(losses)
    step = (np.arange(1.0, len(losses) + 1) if log.step is None else log.step)[there]
    held = None if validation is None else np.where(np.ma.getmaskarray(validation), np.nan, validation.filled(np.nan))[there]
    overlay = None if case is None else (case[0].title, case[1])
    words = f" Dashed over it, stretched to the same window, the case “{case[0].title}”." if case is not None else ""
    picture(
        figure.draw(step, losses.compressed(), held, overlay, log.roles.get("step", "row"), escape(name)),
        key="diagnose:picture",
        alt=f"The curve of {name}, {there.sum():,} values. {sentence(found.sentence)}{words}",
        said=sentence(found.sentence),
        narrow=figure.CURVES,
    )
    if case is not None:
        said, way = st.columns([3, 1], vertical_alignment="center")
        said.markdown(f"The case that looks most like it: **{case[0].title}**. *“{case[0].question}”*")
        page = lab(case[0].page) or CASES
        way.page_link(page, label="Open it in the lab", icon=":material/science:", query_params=case[0].link)


def most_alike(found: Diagnosis, losses: NDArray[np.float64]) -> tuple[Case, NDArray[np.float64]] | None:
    """The case of the same symptom or verdict whose curve is most like this one; None where none is like it at all."""
    curves = [(case, case.seen.curves[0].loss) for case in candidates(found)]
    alike = [(likeness(losses, curve), case, curve) for case, curve in curves if np.isfinite(curve).sum() >= FEWEST]
    best = max(alike, key=itemgetter(0), default=None)
    return None if best is None or best[0] <= 0 else best[1:]


def candidates(found: Diagnosis) -> list[Case]:
    """The cases of the same symptom and verdict, or of the same verdict if there are none; none of a curve that cannot tell."""
    if found.verdict is None or any(each.endswith("to tell") for each in found.symptoms):
        return []
    runs = [case for case in casebook() if case.symptom]
    dead = any(each.name == DEAD for each in found.causes[:1])  # the cases in which the loss alone is nan say that the weights are good
    wanted = {LOG_ZERO if each == "suddenly nan" and not dead else each for each in found.symptoms}
    same = [case for case in runs if case.symptom in wanted]
    if LOG_ZERO not in wanted:
        alike = [case for case in runs if found.verdict in case.must.split("|")]
        same = [case for case in same if case in alike] or [case for case in alike if case.page == "step_size"]
    return same


def told(place: int, cause: Cause) -> str:
    """A cause in Markdown."""
    return fit_to_read(f"{place}. **{cause.name}.** {cause.because}\n\n    *Test:* {cause.test} *Change:* {cause.change}")


def shown(value: float | int | str) -> str:
    """A number of the evidence."""
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else plain_or("–" if np.isnan(value) else "without limit", value, 4)


main()
