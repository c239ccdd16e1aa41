"""What a column of a log is for: from all the words of its name, and from which columns have values in most rows."""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

ROLES: Mapping[str, str] = {
    "step": "step",
    "train": "training loss",
    "validation": "validation loss",
    "learning_rate": "learning rate",
    "gradient_norm": "gradient norm",
    "loss_scale": "loss scale",
}
"""What a column may be for, and what that is called."""

_WORDS = tomllib.loads((files("explorer.core.files") / "words.toml").read_text("utf-8"))
WORDS: Mapping[str, frozenset[str]] = {kind: frozenset(words.split()) for kind, words in _WORDS.items()}
"""The words of each kind, in the languages that logs are written in."""

RATES = ("lr", "learningrate", "lernrate", "stepsize", "tasadeaprendizaje", "tauxdapprentissage", "学习率", "學習率")
"""How a learning rate is called, written as one word."""

UNSURE = ("rate", "eta", "alpha")  # what may be a learning rate where no other is
MOST_LETTERS = 100  # a longer name is cut


TOTAL = {"total", "overall", "combined"}
"""The words of a sum: a column of such a name alone is the loss where no other is called one, as in total=… (ce=…, kl=…)."""

COUNTERS = ("step", "batch", "epoch", "row")  # kinds of columns that count, the finest first, and last what numbers the rows


@lru_cache(10_000)
def words(name: str) -> tuple[str, ...]:
    """The words of a name, without the run that W&B writes before it.

    >>> words("run-1 - train/Loss"), words("Val - Loss"), words("Acc - val"), words("valLoss"), words("valid_1's l2")
    (('train', 'loss'), ('val', 'loss'), ('acc', 'val'), ('val', 'loss'), ('valid', '1', 's', 'l2'))
    """
    name = name[:MOST_LETTERS]
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removeprefix(f"{before} - ") if (before := _before(name)) else name)
    return tuple(re.findall(r"[^\W_]++", name.lower()))


def _before(name: str) -> str:
    """What stands before the last dash of a name, if that is a run: no side, as in ``Val - loss``, nor a value of one, ``Acc - val``."""
    before, _, after = name.rpartition(" - ")
    return "" if before and (is_side(before) or (is_side(after) and kind(before))) else before


def run_of(name: str) -> str:
    """The run that a column's name begins with, "" where it names none.

    >>> [run_of(each) for each in ("calm-sun-7 - train/loss", "seed3/loss", "run_a/loss", "lr=0.1", "val - loss", "generator/loss")]
    ['calm-sun-7', 'seed3', 'run_a', 'lr=0.1', '', '']
    """
    if _AT_RATE.search(name) and kind(name) in ("train", "validation") and not has(name, "loss") and not has(name, "metric"):
        pieces = re.split(r"[\s_/]+", name)
        return " ".join(each for each in pieces if not is_side(each)) if any(map(is_side, pieces)) else name
    head, slash, _ = name.partition("/")
    said = words(re.sub(r"\d+", " ", head)) if slash else ()
    return _before(name) or (head if len(said) < 3 and not WORDS["run"].isdisjoint(said) else "")


def has(name: str, kind: str) -> bool:
    """Whether a word of the name is of that kind; where words are not divided, whether one is in them."""
    return any(
        each in WORDS[kind]
        or (not each.isascii() and any(word in each for word in WORDS[kind] if not word.isalpha() or ord(word[0]) > 0x2E7F))
        for each in words(name)
    )


@lru_cache(10_000)
def kind(name: str) -> str:
    """What a name says: a role, "batch" or "epoch", "other" for what is known to be no loss, and nothing for an unknown name.

    >>> [kind(each) for each in ("elbo", "train/neg_elbo", "-ELBO", "val_nll", "log likelihood")]  # what is maximized is none
    ['other', 'train', 'train', 'validation', 'other']
    >>> [kind(each) for each in ("lm loss", "Validation Loss", "grad norm", "loss_scale", "lr-SGD", "trainer/global_step", "ms/step", "J")]
    ['train', 'validation', 'gradient_norm', 'loss_scale', 'learning_rate', 'step', 'other', '']
    >>> [kind(each) for each in ("loss_lr0.1", "lr=.2", "Adam lr 1e-3", "learning_rate=1 val", "lr1", "lr")]
    ['train', 'train', 'train', 'validation', 'learning_rate', 'learning_rate']
    """
    if at := _AT_RATE.search(name):
        rest = f"{name[: at.start()]} {name[at.end() :]}"
        seeds = {word for word in words(rest) if not word.isdecimal()} <= WORDS["run"]
        return "train" if seeds else kind(rest) or "train"
    plain = _OF_RATE.sub(" ", name)
    if plain != name and (has(plain, "loss") or has(plain, "metric")):
        return kind(plain)
    each, joined = words(name), "".join(words(name))
    if name.endswith(("__MIN", "__MAX")) or name == "ETA":
        return "other"
    if not each:
        return "step" if name == "#" else ""
    if any(word.endswith(("scale", "scaler")) for word in each) and ("loss" in joined or "grad" in joined or joined == "scale"):
        return "loss_scale"
    if "norm" in joined and ("grad" in joined or joined in ("gnorm", "totalnorm") or name == "norm"):  # "Norm" is of scikit-learn's weights
        return "gradient_norm"
    if joined in UNSURE or any(re.fullmatch(r"lr\d*", word) for word in each) or any(rate in joined for rate in RATES[1:]):
        return "learning_rate"
    if has(name, "never a loss"):
        return "other"
    loss = has(name, "loss") or has(name, "metric") or "crossentropy" in joined or set(each) <= WORDS["part"] | {"train", "val"}
    loss = loss or (has(name, "maximized") and _negative(name))
    if not loss:
        for counter in COUNTERS:
            if each[-1] in WORDS[counter] or (not each[-1].isascii() and has(each[-1], counter)):
                return counter
    if loss or joined in ("value", "values"):
        return "validation" if has(name, "held out") else "train"
    if all(word in WORDS["held out"] for word in each) or each in (("train",), ("training",), ("learn",), ("trn",), ("tr",)):
        return "validation" if has(name, "held out") else "train"
    return "other" if has(name, "other") or has(name, "maximized") else ""


_OF_RATE = re.compile(r"(?i)(?<![^\W_])lr[ _=:-]{0,2}+\d[\d.]*+(?:e[+-]?\d++)?")  # a loss_lr0.1 is that of the run at this rate
_NUMBER = r"[-+−]?(?:\d++(?:[.,]\d*+)?|[.,]\d++)(?:[eE][-+−]?\d++)?"
_BROKEN = r"(?=[-+−]?(?:\d*+[.,]\d|\d++[.,]?e))"  # not a number of a group: lr: 0, lr_1
_AT_RATE = re.compile(
    rf"(?i)(?<![^\W_])(?:lr|eta|(?:learning|step)[ _-]?(?:rate|size))(?: ?[=(] ?|(?: ?: ?|[ _-]?){_BROKEN}){_NUMBER}(?![\d.])\)?"
)
"""A name such as lr=0.1 or "lr 1e-3, seed 2": of the run at this rate, where it says nothing else; lr1 is the rate of a group."""


def _negative(name: str) -> bool:
    """Whether a name says so, by a word or by the sign that it begins with."""
    return not {"neg", "negative", "minus"}.isdisjoint(words(name)) or name.split(" - ")[-1].lstrip().startswith(("-", "−"))


def like_a_loss(name: str) -> bool:
    """Whether an unknown name may be a loss: the symbol of a function, as J(θ), or a word for what falls, or one with "loss" in it.

    >>> [like_a_loss(each) for each in ("J(θ)", "inertia", "myloss2", "version")]
    [True, True, True, False]
    """
    return has(name, "like") or any(each in "".join(words(name)) for each in ("loss", "cost", "error"))


def names_run(name: str) -> bool:
    """Whether a column of that name says which run, of several, a row is of.

    >>> [names_run(each) for each in ("run_id", "Random Seed", "config/seed", "run_time", "trial loss", "rank")]
    [True, True, True, False, False, False]
    """
    each = {*words(name)}
    return not each.isdisjoint(WORDS["run"]) and each <= WORDS["run"] | WORDS["of a run"]


def tells_runs(name: str, labels: Iterable[str]) -> bool:
    """Whether the labels of a column are several runs' names: not the sides of one run, train and val, nor what the value beside them is.

    >>> tells_runs("run", ["a", "b"]), tells_runs("run", ["train", "val"]), tells_runs("name", ["train_loss", "lr"])
    (True, False, False)
    """
    several = {*labels} - {""}
    sides = all(map(is_side, several))
    losses = words(name) == ("name",) and any(kind(label) in ("train", "validation") for label in several)
    return len(several) > 1 and names_run(name) and not sides and not losses


def is_side(label: str) -> bool:
    """Whether a label says that a row is of training, or that it is of a held-out set.

    >>> [is_side(each) for each in ("train", "Validation", "train_loss", "")]
    [True, True, False, False]
    """
    return bool(words(label)) and {*words(label)} <= (WORDS["held out"] | WORDS["train"]) - WORDS["loss"]


def tells_sides(labels: Iterable[str]) -> bool:
    """Whether the labels of a column divide the rows into those of training and those of a held-out set.

    >>> tells_sides(["train", "val", "train"]), tells_sides(["train", "train"]), tells_sides(["train", "warmup"])
    (True, False, False)
    """
    several = {*labels} - {""}
    return all(map(is_side, several)) and len({has(label, "held out") for label in several}) == 2


def extra(name: str) -> set[str]:
    """The words that make a loss a special one: none of ``train_loss``, "cls" of ``train/cls_loss``."""
    every = WORDS["train"] | WORDS["held out"] | WORDS["plain"] | WORDS["lead"] | WORDS["loss"]
    return {word for word in words(name) if word not in every and not word.isdecimal()}


def alike(names: Sequence[str]) -> list[str]:
    """Those of the losses whose names differ from the first in one word or number only: of several runs, perhaps.

    >>> alike(["loss_a", "loss_b", "aux_loss_a"]), alike(["loss", "loss.1", "loss (3)", "cls_loss"])
    (['loss_a', 'loss_b'], ['loss', 'loss.1', 'loss (3)'])
    """
    bare = [[word for word in words(name) if word not in extra(name) and not word.isdecimal()] for name in names]
    return [name for name, each in zip(names, bare, strict=True) if each == bare[0] and len(extra(name)) == len(extra(names[0])) < 2]


def losses(columns: Mapping[str, Any], role: str, *, like: Collection[str] = ()) -> list[str]:
    """The columns of losses for training or validation, the one to judge first: with values in most rows, then the most general name.

    `like` are the extra words that the best one shares, such as those of the training loss.
    """
    names = [name for name in columns if kind(name) == role]
    bare = [name for name in columns if len(words(name)) == 1 and set(words(name)) <= (WORDS["train"] | WORDS["held out"]) - WORDS["loss"]]
    if role == "validation" and len(bare) > 1 and any(kind(name) == "train" and has(name, "loss") for name in columns):
        names = [name for name in names if name not in bare]  # Loss: 1.0, Train: 0.89, Val: 0.71 are a loss and its scores
    count = {name: int(np.ma.count(columns[name])) for name in names}
    most = max(count.values(), default=0)

    def rank(name: str) -> tuple[Any, ...]:
        each = words(name)
        weak = 0 if has(name, "loss") else 1 if has(name, "metric") else 2
        total = TOTAL & {*each}
        lead = bool(WORDS["lead"] & set(each))
        return (
            count[name] <= 0.5 * most,
            weak,
            bool(WORDS["minor"] & set(each)),
            len(extra(name) ^ set(like)),
            not total,
            not lead,
            not has(name, "train"),
        )

    parted = names and role == "train" and not any(has(name, "loss") for name in names)
    totals = [name for name in columns if parted and words(name) and {*words(name)} <= TOTAL]
    return [name for name in totals if (columns[name].compressed() % 1 != 0).any()] + sorted(names, key=rank)  # else it is a count


def parts(columns: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Those of the losses whose sum is the total, where the first of them is a part itself: box, cls and dfl of a detector."""
    if not names or not extra(names[0]) or not extra(names[0]) <= WORDS["part"]:
        return []
    rows = ~np.ma.getmaskarray(columns[names[0]])
    alike = [name for name in columns if name in names and " + " not in name and extra(name) and extra(name) <= WORDS["part"]]
    same = [name for name in alike if (~np.ma.getmaskarray(columns[name]) == rows).all()]
    return same if len(same) > 1 else []


def named(role: str, columns: Mapping[str, Any]) -> str | None:
    """The first column whose name says the role and whose values do not deny it: none below 0, no rate above 100, and an eta to 10."""
    found = [name for name in columns if kind(name) == role and not (columns[name].compressed() < 0).any()]
    if role == "learning_rate":
        found.sort(key=lambda name: "".join(words(name)) in UNSURE)
        found = [name for name in found if not (columns[name].compressed() > (10 if words(name) == ("eta",) else 100)).any()]
    return max(found, key=lambda name: (int(np.ma.count(columns[name])), -found.index(name)), default=None)


def count_up(values: Any) -> bool:
    """Whether a column has a value in each row, whole and larger than the one before."""
    whole = values.compressed()
    return bool(whole.size == len(values) > 1 and np.isfinite(whole).all() and (np.diff(whole) > 0).all() and (whole % 1 == 0).all())
