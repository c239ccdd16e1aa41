"""What the picture component shows, as JSON: a figure, its frames, and the dial that moves through them; and the component's own files.

The component (`picture.js`) is the same in the app and in a page that stands alone.
"""

import base64
import gzip
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import plotly
import plotly.graph_objects as go

from explorer.site.module import Code, Module
from explorer.site.questions import Question

HERE = Path(__file__).parent
PARTS = (
    "prediction",
    "picture",
    "picture_guess",
    "picture_values",
    "picture_track",
    "picture_labels",
    "picture_frame",
    "picture_live",
    "picture_words",
    "picture_player",
    "picture_stays",
    "picture_saved",
    "picture_fetched",
    "picture_alone",
)
FLAT = HERE / "bundle" / "plotly-cartesian.min.js"
IN_SPACE = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
"""Plotly's JavaScript: the part of it that draws flat figures (1.5 MB), which starts in a third of the time, and all of it (5 MB)."""

PLOTLY, PLOTLY_IN_SPACE = (Code(file.name.partition(".")[0], file.read_text(encoding="utf-8")) for file in (FLAT, IN_SPACE))
ADDRESSES = f"const PLOTLY = {json.dumps(PLOTLY.address)}, PLOTLY_IN_SPACE = {json.dumps(PLOTLY_IN_SPACE.address)};"
SCRIPT = "\n".join((ADDRESSES, *((HERE / f"{name}.js").read_text(encoding="utf-8") for name in PARTS)))
STYLE = (HERE / "picture.css").read_text(encoding="utf-8")
CODE = Module(
    "picture",
    f"{SCRIPT}\ndocument.body.append(Object.assign(document.createElement('style'), {{ textContent: {json.dumps(STYLE)} }}));\n",
)
"""The component, as the app serves it; a page that stands alone has code and style apart."""

CONTENTS = "assets/contents"  # where the app serves what pictures show, by name


@dataclass(frozen=True)
class Mark:
    """A name under the track of a dial, at a slider position (0 is the first)."""

    position: float
    text: str


@dataclass(frozen=True)
class Dial:
    """The range input that moves through the frames; each sequence holds one entry a position.

    `values` stand beside the label ("1.02 = 1.02 × the edge"). `words` is the sentence above the track, whose start may be
    bold (`"**diverged**: the loss doubles every step"`). Contiguous equal `zones` form a zone of the track, in the
    color (and the hatch, by order) that `colors` gives the word. `alts` say what the picture shows, for screen readers. A dial that is
    `aligned` is as wide as the figure's horizontal axis: that runs from 0 to its last position, and each thumb stands above its own.
    """

    label: str
    values: Sequence[str]
    words: Sequence[str] = ()
    zones: Sequence[str] = ()
    colors: Mapping[str, str] = field(default_factory=dict)
    marks: Sequence[Mark] = ()
    alts: Sequence[str] = ()
    aligned: bool = False

    def __post_init__(self) -> None:
        for name in ("words", "zones", "alts"):
            count = len(getattr(self, name))
            if count not in (0, len(self.values)):
                raise ValueError(f"Dial.{name} must have one entry a value ({len(self.values)}) or none, got {count}")


@dataclass(frozen=True, eq=False)
class Content:
    """What a picture shows, as it travels: compressed JSON, made once, under a name that only this very content has.

    `positions` is the number of frames, `values` what stands beside the dial at each, `height` the figure's own.
    """

    name: str
    zipped: bytes = field(repr=False)
    positions: int
    values: tuple[str, ...] = field(repr=False)
    height: int | None

    @property
    def text(self) -> str:
        """The JSON."""
        return gzip.decompress(self.zipped).decode()


_known: WeakValueDictionary[str, Content] = WeakValueDictionary()
"""All that anybody keeps: the cache that it was made for, or a session that shows it."""


def content(
    figure: go.Figure | Mapping[str, Any],
    frames: Sequence[Mapping[str, Any]] = (),
    dial: Dial | None = None,
    narrow: Mapping[str, Any] | None = None,
    times: Sequence[str] = (),
    question: Question | None = None,
) -> Content:
    """Return what a picture shows: the same object for the same parts, while it is kept. `explorer.ui.picture.picture` explains them.

    Raises `ValueError` when `dial` and `frames` differ in length.

    >>> shown = content({"data": [{"y": np.array([1.0, 2.0])}]}, times=["now"])
    >>> shown.text
    '{"figure":{"data":[{"y":{"dtype":"f4","bdata":"AACAPwAAAEA="}}],"layout":{}},"frames":[],"dial":null,"narrow":{},"times":["now"],"question":null}'
    >>> content({"data": [{"y": [1.0, 2.0]}]}) is shown, content({"data": [{"y": np.array([1.0, 2.0])}]}, times=["now"]) is shown
    (False, True)
    >>> known(shown.name) is shown, known("of a picture that nobody shows")
    (True, None)
    """
    if dial is not None and len(dial.values) != len(frames):
        raise ValueError(f"a dial needs one value a frame: got {len(dial.values)} values for {len(frames)} frames")
    plain = figure.to_dict() if isinstance(figure, go.Figure) else figure
    layout = plain.get("layout", {})
    shown = {"data": plain.get("data", ()), "layout": layout}
    tree = {
        "figure": shown,
        "frames": frames,
        "dial": asdict(dial) if dial else None,
        "narrow": narrow or {},
        "times": list(times),
        "question": asdict(question) if question else None,
    }
    text = written(tree).encode()
    name = hashlib.blake2b(text, digest_size=16).hexdigest()
    kept = _known.get(name)
    if kept is None:
        values = tuple(dial.values) if dial is not None else ()
        kept = Content(name, gzip.compress(text, SWIFTLY, mtime=0), len(frames), values, layout.get("height"))
    return _known.setdefault(name, kept)


def known(name: str) -> Content | None:
    """Return the content of that name, if anybody keeps it here."""
    return _known.get(name)


SWIFTLY = 4  # how hard gzip tries: 9 takes two to four times as long for 3 to 8 % less


def written(tree: Any) -> str:
    """Return the JSON of `encode`; where no number is inf or nan, which is nearly everywhere, json's own fast way writes the same."""
    try:
        return json.dumps(tree, separators=(",", ":"), default=encode, allow_nan=False)
    except ValueError:
        return json.dumps(encode(tree), separators=(",", ":"))


def encode(tree: Any) -> Any:
    """Return the same tree as plain JSON: an array becomes `{"dtype", "bdata"}` (and `"shape"` if it is a matrix), inf and nan `None`.

    Numbers of 8 bytes are halved: a picture needs no more than seven digits.

    >>> encode({"x": np.array([1.0, 2.0])})
    {'x': {'dtype': 'f4', 'bdata': 'AACAPwAAAEA='}}
    >>> encode([1, float("inf"), np.float64(0.5), "text"])
    [1, None, 0.5, 'text']
    """
    if isinstance(tree, np.ndarray):
        return _encode_array(tree)
    if isinstance(tree, Mapping):
        return {name: encode(part) for name, part in tree.items()}
    if isinstance(tree, list | tuple):
        return [encode(part) for part in tree]
    if isinstance(tree, np.generic):
        tree = tree.item()
    if isinstance(tree, float) and not math.isfinite(tree):
        return None
    return tree


_HALF = {"f8": "f4", "i8": "i4", "u8": "u4"}
_TYPED = {"f8", "f4", "i4", "u4", "i2", "u2", "i1", "u1"}  # JavaScript's typed arrays, but for its integers of 8 bytes


def _encode_array(array: np.ndarray) -> Any:
    """Return one array as a typed array, in half the bytes if its values allow it; as a list when its values are no such numbers."""
    dtype = array.dtype.str[1:]
    if dtype in _HALF:
        with np.errstate(over="ignore", under="ignore"):
            small = array.astype(f"<{_HALF[dtype]}")
        if np.all(np.isinf(small) == np.isinf(array) if array.dtype.kind == "f" else small == array):
            array, dtype = small, _HALF[dtype]
    if dtype not in _TYPED or array.ndim not in (1, 2):
        return encode(array.tolist())
    spec = {"dtype": dtype, "bdata": base64.b64encode(array.astype(f"<{dtype}", copy=False).tobytes()).decode("ascii")}
    return spec if array.ndim == 1 else spec | {"shape": ", ".join(map(str, array.shape))}
