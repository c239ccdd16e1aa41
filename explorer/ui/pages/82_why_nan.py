"""Why nan: a run that became inf or nan is examined: what went first, at which step, in which layer, from which example, and why."""

import streamlit as st

from explorer.core.losses.protocol import Facts
from explorer.core.run.setup import Setup
from explorer.core.verdict.forensics import Forensics, Growth, growth, why_nan
from explorer.figures import growth as figure
from explorer.site.casebook import by_name
from explorer.ui import address, notes, panel
from explorer.ui.metrics import Metric, metrics
from explorer.ui.picture import picture
from explorer.ui.presets import presets
from explorer.ui.takeaway import takeaway
from explorer.ui.turns import turn
from explorer.ui.words import fit_to_read, sentence

SHOWN = {
    "Learning rate": "52_raw_targets",
    "Outlier": "73_outlier",
    "`nan` in the data": "72_nan_in_the_data",
    "Logarithm of 0": "82_naive_logarithm",
    "0/0": "88_zero_by_zero",
    "Out of the domain": "92_out_of_the_domain",
    "Weight decay": "39_weight_decay",
    "float32": "89_beyond_float32",
}
"""A case for each origin."""

MOST_WORK = 4e9  # weights × examples × steps that are computed: less than half a minute on one core
CASES = {label: by_name()[name] for label, name in SHOWN.items()}
DEFAULT = CASES["Learning rate"].setup


def main() -> None:
    """A run, why it became inf or nan in one sentence, what to change, and how its quantities grew."""
    st.title("Why is it `nan`?", anchor=False)
    setup, (found, grown) = panel.computable("why_nan", panel.current(DEFAULT), DEFAULT, computed)
    notes.show()
    address.write(setup.to_query())
    top = st.container()
    st.header(fit_to_read(sentence(found.sentence)), anchor=False)
    if found.change:
        st.success(f"**What to change.** {fit_to_read(found.change)}", icon=":material/build:")
    drawn, alt = figure.draw(grown, found)
    picture(drawn, key="why_nan:picture", alt=alt, said=sentence(found.sentence), narrow=figure.NARROW)
    if found.origin is not None:
        metrics(
            Metric("went first", found.quantity),
            Metric("at step", f"{found.step:,}"),
            Metric("in", found.block or "–"),
            Metric("from example", "–" if found.row is None else f"{found.row + 1:,}"),
        )
    below = st.container()
    takeaway(setup)
    with top:
        presets("why_nan", setup, among=CASES, below=below)
    st.caption(
        "Crosses at the top are `nan` or `inf`. A sudden failure (a bad number in the data, the logarithm of 0, 0/0, a step out of the"
        " domain) is told from one that grew (an outlier, weight decay, the learning rate, a number format that ends early) by trying the"
        " step again without the suspect."
    )
    with st.sidebar:
        panel.all_controls(setup)


@st.cache_resource(max_entries=32, show_spinner="Running, and looking for what went first…")
def computed(setup: Setup) -> tuple[Forensics, Growth]:
    """Return why the run of a setup became inf or nan, and how it grew."""
    setup.check_work({}, MOST_WORK)
    loss = setup.make_loss()
    with turn(setup.steps * loss.dim * Facts(loss).examples):
        path = setup.run()
        return why_nan(path), growth(path)


main()
