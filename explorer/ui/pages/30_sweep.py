"""Sweep: every learning rate at once, for several optimizers and seeds; where the cliff is, and how sharp."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from explorer.core.ground.checks import must
from explorer.core.ground.knobs import Knob
from explorer.core.ground.parameters import Look
from explorer.core.ground.prose import counted, plain, plain_or, told_apart
from explorer.core.ground.size import check_size
from explorer.core.losses import LOSSES, Facts
from explorer.core.optimizers import OPTIMIZERS
from explorer.core.run.bracket import bracket
from explorer.core.run.finder import RateFinder, find_rate
from explorer.core.run.ruler import RATES, ruler
from explorer.core.run.setup import Setup
from explorer.core.run.sweep import joined, sweep
from explorer.core.theory.growth import predicted_growth
from explorer.core.verdict.measured import measured_growth
from explorer.core.verdict.verdict import Outcome, Verdict, judge
from explorer.figures import sweep as figure
from explorer.site.questions import Question, best, edge
from explorer.ui import address, notes, panel, widgets
from explorer.ui.fold import fold
from explorer.ui.picture import picture
from explorer.ui.short_table import offer, short_table
from explorer.ui.turns import turn

MOST_RULES, MOST_SEEDS, PRECISION = 4, 10, 1e-3
MOST_STEPS = 100_000  # steps × optimizers × seeds of a sweep: about a minute on one core
KEPT = 5_000_000  # numbers of the paths that are kept at a time, to measure their factors per step
DEFAULT = Setup("linear_regression", learning_rate=1e-4, steps=300)


@dataclass(frozen=True)
class Swept(Look):
    """What is swept of a setup; without rules, its own."""

    rules: Annotated[tuple[str, ...], Knob(label="optimizers", among=OPTIMIZERS)] = ()
    seeds: Annotated[
        int, Knob(1, MOST_SEEDS, at_least=1, at_most=MOST_SEEDS, help="Random starts and batches; the picture shows the range as a band.")
    ] = 1
    finder: Annotated[bool, Knob(label="learning-rate finder", help="One run whose rate grows at every step, as some libraries offer.")] = (
        False
    )


def main() -> None:
    """The picture of the sweep, what it says, and its table."""
    st.title("Where is the edge, and how sharp is it?", anchor=False)
    setup, look = panel.viewed("sweep", DEFAULT, Swept())
    rules = look.rules or (setup.optimizer,)
    with st.sidebar:
        for name, spoken in (("rules", OPTIMIZERS.title), ("seeds", widgets.spaced), ("finder", widgets.spaced)):
            panel.view_control("sweep", replace(look, rules=rules), name, spoken=spoken)
        if len(rules) > MOST_RULES:
            st.warning(f"At most {MOST_RULES} curves can be told apart; the first {MOST_RULES} are swept.")
    alone = DEFAULT, (DEFAULT.optimizer,), 1, False
    asked = setup, rules[:MOST_RULES], look.seeds, look.finder
    shown, (bands, found) = panel.computable("sweep", asked, alone, lambda each: computed(*each))
    setup = shown[0]
    query = setup.to_query() | look.to_query()
    address.write(query | address.predicting().to_query())
    address.about(query)
    notes.show()
    rates = [f" at {plain(each.rates[0])} to {plain(each.rates[-1])}" for each in bands]
    panel.recipe(setup.recipe_of(", ".join(f"{each.name}{swept}" for each, swept in zip(bands, rates, strict=True))), rates)
    with st.sidebar:
        panel.all_controls(setup, data=True)
    sentence = headline(bands, setup)
    st.header(sentence, anchor=False)
    picture(
        figure.draw(bands, found),
        key="sweep:picture",
        alt=f"Left, the loss at the end of a run against its learning rate; right, the factor per step. {sentence}",
        said=sentence,
        narrow=figure.NARROW,
        question=question(bands[0], setup),
        on_click=open_run,
    )
    st.caption("Dashed lines: theory's edge. Pale lines: where the cliff was found by bisection. A click on a point opens that run.")
    if found is not None:
        st.markdown(about_the_finder(found, bands[0]))
    short_table(table(bands), "The edge of each optimizer: theory's, and between which rates it was found")
    with fold("All rates") as unfolded:
        if not unfolded:
            return
        every = pd.concat([rows(each) for each in bands])
        st.dataframe(every, hide_index=True)
        offer("Download as CSV", every, "sweep.csv")


def computed(setup: Setup, rules: tuple[str, ...], seeds: int, finder: bool) -> tuple[list[figure.Band], RateFinder | None]:
    """What was swept of a setup, under each of the rules."""
    setup.check_start()
    together = {"optimizer": len(rules), "seed": seeds}
    check_size("steps", setup.steps, together, MOST_STEPS)
    setup.check_work(together | {"rate": RATES})
    bar = st.progress(0.0, "Sweeping…")
    try:
        setups = [setup if name == setup.optimizer else setup.with_choice("optimizer", name) for name in rules]
        bands = [band(each, seeds, lambda share, i=i: bar.progress((i + share) / len(setups))) for i, each in enumerate(setups)]
        return bands, finder_of(setup) if finder else None
    finally:
        bar.empty()


@st.cache_resource(max_entries=64, show_spinner=False)
def place(setup: Setup, seeds: int) -> list[figure.Band]:
    """Where a sweep is kept for all visitors; what shows its progress cannot be cached itself."""
    return []


def band(setup: Setup, seeds: int, progress: Any) -> figure.Band:
    """Return the outcome of every rate of the ruler, for each seed."""
    kept = place(setup, seeds)
    if not kept:
        kept.append(fresh(setup, seeds, progress))
    return kept[0]


def fresh(setup: Setup, seeds: int, progress: Any) -> figure.Band:
    """Return the same, swept anew."""
    loss, optimizer, start = setup.make_loss(), setup.make_optimizer(), setup.initial_point
    scale = ruler(loss, optimizer, start, setup.learning_rate)
    rates = scale.rates[scale.rates > 0]
    with turn(setup.steps * loss.dim * rates.size * seeds):
        first, factors = followed(setup, rates, lambda share: progress(share / seeds))
        others = [swept(seeded(setup, i), rates, lambda share, i=i: progress((i + share) / seeds)) for i in range(1, seeds)]
        return figure.Band(
            name=OPTIMIZERS.title(setup.optimizer),
            rates=rates,
            final=np.stack([np.where(each.verdict == Verdict.DIVERGED, _lost(each), each.final_loss) for each in (first, *others)]),
            verdict=first.verdict,
            measured=factors,
            predicted=predicted_growth(loss, optimizer, rates, start),
            edge=scale.edge.rate,
            cliff=bracket(loss, optimizer, rates, first.verdict == Verdict.DIVERGED, precision=PRECISION, **setup.conditions()),
        )


def _lost(outcome: Outcome) -> NDArray[np.float64]:
    """The final losses, with everything that became inf or nan as inf."""
    return np.where(np.isfinite(outcome.final_loss) & (outcome.first_nonfinite < 0), outcome.final_loss, np.inf)


def seeded(setup: Setup, i: int) -> Setup:
    """The setup with its i-th other seed: of the batches, and of the loss's random start or data where it has any."""
    other = replace(setup, seed=setup.seed + i)
    known = setup.parameters("loss")
    if "loss.seed" in known:
        other = other.with_knobs({"loss.seed": dict(setup.knobs).get("loss.seed", known["loss.seed"].default) + i})
    return other


def followed(setup: Setup, rates: NDArray[np.float64], progress: Any) -> tuple[Outcome, NDArray[np.float64]]:
    """The outcome of one setup at all rates, and the factors per step that their paths show, as on the page Step size."""
    found, factors, few = [], [], max(KEPT // ((setup.steps + 1) * setup.make_loss().dim), 1)
    for i in range(0, rates.size, few):
        path = setup.run(rates[i : i + few])
        found.append(judge(path))
        factors.append(measured_growth(path))
        progress(min(i + few, rates.size) / rates.size)
    return joined(found), np.concatenate(factors)


def swept(setup: Setup, rates: NDArray[np.float64], progress: Any) -> Outcome:
    """The outcome of one setup at all rates."""
    return sweep(setup.make_loss(), setup.make_optimizer(), rates, progress=progress, **setup.conditions())


def finder_of(setup: Setup) -> RateFinder:
    """The learning-rate finder's curve over the whole ruler."""
    loss, optimizer = setup.make_loss(), setup.make_optimizer()
    rates = ruler(loss, optimizer, setup.initial_point, setup.learning_rate).rates
    positive = rates[rates > 0]
    if positive.size < 2:
        raise must("learning_rate", "> 0 for a learning-rate finder", setup.learning_rate)
    return find_rate(loss, optimizer, float(positive[0]), float(positive[-1]), start=setup.start)


def headline(bands: list[figure.Band], setup: Setup) -> str:
    """Where the first rule's cliff is, beside theory's edge."""
    first, middle = bands[0], bands[0].middle
    if not np.isfinite(middle):
        return f"With {first.name} no rate on this ruler diverges in {counted(setup.steps)}."
    (low, high), theory = first.cliff, first.edge
    low_end, high_end, named = told_apart(low, high, theory, digits=5)
    between = f"between {low_end} and {high_end}"
    if not np.isfinite(first.edge):
        return f"With {first.name} runs begin to diverge {between}: measured, as theory has no edge here."
    share = plain(100 * (high / low - 1 if low <= theory <= high else abs(theory / middle - 1)), 2) + "\N{NO-BREAK SPACE}%"
    where = f"which agrees to within {share}" if low <= theory <= high else f"{share} {'below' if theory < middle else 'above'} that"
    return f"With {first.name} runs begin to diverge {between}; theory puts the edge at {named}, {where}."


def question(first: figure.Band, setup: Setup) -> Question:
    """What is asked before the sweep is shown, of the first rule: where its cliff is, and where the loss ends lowest."""
    endless = Facts(setup.make_loss()).endless
    cliff = edge(
        first.rates,
        *first.cliff,
        f"From which learning rate on do runs of {first.name} on {LOSSES.title(setup.loss)} diverge?",
        steps=setup.steps,
        on_dial=False,
        endless=endless,
    )
    lowest = () if endless else (best(first.rates, np.median(first.final, axis=0)),)  # without a lower end, lower is only further away
    return Question((cliff, *lowest)).of_steps(setup.steps)


def about_the_finder(found: RateFinder, first: figure.Band) -> str:
    """What the finder would have said, and where that misleads here."""
    gave_up, cliff_at = float(found.rates[-1]), first.middle
    steepest, tenth = (plain_or("none", each) for each in (found.steepest, found.tenth))
    text = (
        f"The **learning-rate finder** gave up at {plain(gave_up)}; libraries would suggest {steepest} (steepest descent)"
        f" or {tenth} (a tenth of the lowest point)."
    )
    if not np.isfinite(cliff_at):
        return text + " No fixed rate diverges here, so its rise says nothing about divergence."
    if gave_up > 1.2 * cliff_at:
        return text + (
            f" Its curve turns up only at {plain(gave_up / cliff_at)} × the real edge: just beyond the edge a run needs many steps to"
            " grow, and the finder gives each rate one step."
        )
    return text + " Here it turns up close to the real edge."


def table(bands: list[figure.Band]) -> pd.DataFrame:
    """A row for each rule: theory's edge, the bracket of the measured one, and how far apart they are."""
    return pd.DataFrame(
        [
            {
                "optimizer": each.name,
                "theory's edge": plain_or("none", each.edge, 5),
                "last rate that holds": plain_or("–", each.cliff[0] + 0 * each.middle, 5),
                "first rate that diverges": plain_or("none here", each.cliff[1] + 0 * each.middle, 5),
                "measured / theory": plain_or("–", each.middle / each.edge if np.isfinite(each.edge) else np.nan, 5),
                "rates that converge": int(np.isin(each.verdict.astype(str), [Verdict.CONVERGED, Verdict.CONVERGING]).sum()),
                "rates tried": each.rates.size,
            }
            for each in bands
        ]
    )


def rows(each: figure.Band) -> pd.DataFrame:
    """A row for each rate of one rule."""
    columns = {
        "optimizer": each.name,
        "learning rate": each.rates,
        "verdict": [str(verdict) for verdict in each.verdict],
        "loss at the end (median)": np.median(each.final, axis=0),
        "factor per step, measured": each.measured,
        "factor per step, theory": each.predicted,
    }
    return pd.DataFrame(columns)


def open_run(pointed: Any) -> None:
    """A point was clicked: its run is opened on the page Step size. What comes from the browser is checked."""
    setup: Setup = st.session_state[panel.STATE]
    by_name = {OPTIMIZERS.title(name): name for name in OPTIMIZERS}
    if isinstance(pointed, list) and len(pointed) == 2 and pointed[0] in by_name and isinstance(pointed[1], int | float):
        other = setup if by_name[pointed[0]] == setup.optimizer else setup.with_choice("optimizer", by_name[pointed[0]])
        panel.adopt(replace(other, learning_rate=float(pointed[1])))
        st.session_state[address.GO] = {"page": panel.STEP_SIZE}


main()
