"""What is known of a map so far, in memory or in a file that survives an interruption."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from explorer.core.ground.checks import check_made, check_whole, must, short
from explorer.core.ground.claim import claimed
from explorer.core.ground.display import Displayed
from explorer.core.ground.prose import plain
from explorer.core.maps.map import Map
from explorer.core.maps.tile import VERDICTS
from explorer.core.verdict.verdict import Verdict

UNDONE = -1  # the code of a pixel not computed yet

MAGIC = b"divergence map 1\n"
HEADER = 4096
MOST_SAID = 400  # characters of another map's link that a refusal repeats


@dataclass(frozen=True, eq=False, repr=False)
class Canvas(Displayed):
    """What is known of a map: `codes` int8 ``(y.size, x.size)``, the place in `VERDICTS` or `UNDONE`, and `pace` float32.

    `pace` is how fast: for what diverged the step of overflow (beyond the map's steps, when it would come at the growth that was seen),
    for all else log₁₀ of the final over the first loss, above the minimum if it is known, and no less than the -28 at which a run is left
    alone. Row 0 is the low end of y. `plan` is the map; None of what was made from another canvas.

    `blank` makes one in memory, `open` one in a file. Raises ValueError for a file that holds another map or none, is damaged, or is open
    in another process.

    See also: `render`, `Map`.

    >>> from explorer import Axis, Setup
    >>> plan = Map(Setup("x_squared"), Axis("learning_rate", 0, 2, count=4), Axis("start.0", 1, 2, count=2))
    >>> canvas = Canvas.blank(plan)
    >>> canvas.codes.shape, canvas.share
    ((2, 4), 0.0)
    """

    codes: NDArray[np.int8]
    pace: NDArray[np.float32]
    plan: Map | None = None

    def summary(self) -> str:
        """Return which map this is, and the share of each verdict.

        >>> from explorer import Axis, Setup
        >>> Canvas.blank(Map(Setup("x_squared"), Axis("learning_rate", 0, 2), Axis("start.0", -1, 1)))
        <Canvas: learning_rate 0 to 2 across, start.0 −1 to 1 up: 256 × 256 pixels, 0 % of them done>
        """
        up, across = self.codes.shape
        sides = (("across", self.plan.x), ("up", self.plan.y)) if self.plan else ()
        where = ", ".join(f"{axis.knob} {plain(axis.low)} to {plain(axis.high)} {way}" for way, axis in sides)
        shares = ", ".join(f"{plain(100 * share)} % {verdict}" for verdict, share in self.shares().items())
        done = "" if self.share == 1 else f", {plain(100 * self.share)} % of them done"
        return f"{where}{': ' if where else ''}{across:,} × {up:,} pixels{done}{f': {shares}' if shares else ''}"

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """Return a row for each pixel that is done: the two knobs by name, the verdict, and how fast."""
        rows, columns = np.nonzero(self.done)
        sides: dict[str, NDArray[Any]] = {"column": columns, "row": rows} if self.plan is None else {}
        if self.plan is not None:
            sides = {self.plan.x.knob: self.plan.x.values[columns], self.plan.y.knob: self.plan.y.values[rows]}
        codes = self.codes[rows, columns].astype(np.intp)
        return sides | {"verdict": np.array([str(each) for each in VERDICTS], object)[codes], "pace": self.pace[rows, columns]}

    @classmethod
    def blank(cls, plan: Map) -> Self:
        """Nothing known yet, in memory."""
        check_made("plan", plan, Map, "a Map")
        return cls(np.full(plan.shape, UNDONE, np.int8), np.full(plan.shape, np.nan, np.float32), plan)

    @classmethod
    def open(cls, path: Path | str, plan: Map) -> Self:
        """Return the canvas that a file holds; a new one if there is no file. Writes go to the file at once, so work can be resumed.

        Canvases of one file share its pixels within a process. No other process can open it as long as one of them is kept; when a process
        ends, however it ends, the next may go on. Raises ValueError with a sentence for a file that another process has open, that holds
        another map, or none.
        """
        check_made("plan", plan, Map, "a Map")
        path = Path(check_made("path", path, str | Path, "the path of a file"))
        try:
            path.touch()
            path.open("r+b").close()
        except OSError as error:
            raise must("path", "the path of a file that can be written", f"{path}: {error.strerror}") from None
        with path.open("r+b") as file:
            found = os.fstat(file.fileno())
            whole = _open.get((found.st_dev, found.st_ino))
            if whole is None and not claimed(file):
                raise ValueError(
                    f"{path.name} must be open in one process at a time, and another has it; wait for its end, or choose another name"
                )
            if not found.st_size:
                _begin(file, plan)
            _check(file, path.name, plan)
            if whole is None:  # it keeps the claim of the file when that is closed
                whole = _open[found.st_dev, found.st_ino] = np.memmap(file, np.uint8, "r+")
        codes, pace = whole[HEADER : HEADER + plan.pixels], whole[HEADER + plan.pixels :]
        canvas = cls(codes.view(np.int8).reshape(plan.shape), pace.view(np.float32).reshape(plan.shape), plan)
        if canvas.codes.min() < UNDONE or canvas.codes.max() >= len(VERDICTS):
            raise ValueError(f"{path.name} must have a verdict or none in each pixel, and it is damaged; delete it and begin again")
        return canvas

    def copy(self) -> "Canvas":
        """Return a copy, unaffected by later writes. Codes are copied first: a pixel with a code has its pace."""
        codes = self.codes.copy()
        return Canvas(codes, np.array(self.pace), self.plan)

    @property
    def done(self) -> NDArray[np.bool_]:
        return np.asarray(self.codes != UNDONE)

    @property
    def share(self) -> float:
        return float(self.done.mean())

    def paint(self, pixels: NDArray[np.intp], codes: NDArray[np.int8], pace: NDArray[np.float32]) -> None:
        """Write a tile. Codes come last: an interruption leaves no pixel that has a code but no pace."""
        self.pace.ravel()[pixels] = pace
        self.codes.ravel()[pixels] = codes

    def filled(self, stride: int = 1) -> "Canvas":
        """Return every `stride`-th pixel; one that is not done looks like its neighbor of the pass before, if that is."""
        stride = check_whole("stride", stride, at_least=1)
        codes, pace = self.codes[::stride, ::stride].copy(), self.pace[::stride, ::stride].copy()
        apart, coarsest = 2, 2 * self.stride
        while apart * stride <= coarsest and (codes == UNDONE).any():
            rows, columns = np.nonzero(codes == UNDONE)
            coarser = rows // apart * apart, columns // apart * apart
            codes[rows, columns], pace[rows, columns] = codes[coarser], pace[coarser]
            apart *= 2
        return Canvas(codes, pace)

    @property
    def stride(self) -> int:
        """The finest stride at which anything is done."""
        rows, columns = np.nonzero(self.done)
        apart = 1
        while rows.size and apart < max(self.codes.shape) and not ((rows % (2 * apart)).any() or (columns % (2 * apart)).any()):
            apart *= 2
        return apart

    def shares(self) -> dict[Verdict, float]:
        """Return the share of the pixels done that each verdict has, largest first; without those that none has."""
        counts = np.bincount(self.codes[self.done].astype(np.intp), minlength=len(VERDICTS)).tolist()
        found = {verdict: count / max(sum(counts), 1) for verdict, count in zip(VERDICTS, counts, strict=True) if count}
        return dict(sorted(found.items(), key=lambda each: -each[1]))


_open: WeakValueDictionary[tuple[int, int], np.memmap[Any, Any]] = WeakValueDictionary()
"""The content of the files that canvases of this process hold, by device and place on it."""


def _begin(file: BinaryIO, plan: Map) -> None:
    """Write a file of a map of which nothing is known."""
    head = MAGIC + json.dumps({"map": plan.digest, "shape": plan.shape, "query": plan.to_query()}).encode()
    if len(head) > HEADER:
        raise ValueError(f"a map's link must be shorter than {HEADER:,} bytes to be kept in a file, got {len(head):,}")
    file.write(head.ljust(HEADER))
    file.write(np.full(plan.pixels, UNDONE, np.int8).tobytes())
    file.write(np.full(plan.pixels, np.nan, np.float32).tobytes())
    file.flush()


def _check(file: BinaryIO, name: str, plan: Map) -> None:
    """Raise ValueError if a file does not hold this map, all of it."""
    file.seek(0)
    head, expected, size = file.read(HEADER), HEADER + 5 * plan.pixels, file.seek(0, os.SEEK_END)
    try:
        held = json.loads(head.removeprefix(MAGIC)) if head.startswith(MAGIC) else {}
    except (ValueError, RecursionError):
        held = {}
    if not (isinstance(held, dict) and isinstance(held.get("query"), dict) and "map" in held):
        raise ValueError(f"{name} must be a file that this program wrote for a map, got something else; choose another name")
    if held["map"] != plan.digest:
        raise ValueError(f"{name} holds another map ({linked(held['query'])}); choose another name, or delete it")
    if size != expected:
        raise ValueError(f"{name} must have {expected:,} bytes, got {size:,}: it is cut off; delete it and begin again")


def linked(query: Mapping[str, str]) -> str:
    """Return the link of a map for a refusal: as much of it as one reads."""
    return "&".join(f"{part}={text}" for part, text in query.items())[:MOST_SAID]


def records(plan: Map, canvas: Canvas) -> NDArray[Any]:
    """Return axes and channels in one structured array ``(y.size, x.size)``: x, y, verdict (place in `VERDICTS`, -1 undone), pace."""
    table = np.empty(plan.shape, dtype=[("x", "f8"), ("y", "f8"), ("verdict", "i1"), ("pace", "f4")])
    table["x"], table["y"] = plan.x.values, plan.y.values[:, np.newaxis]
    table["verdict"], table["pace"] = canvas.codes, canvas.pace
    return table


def csv(plan: Map, canvas: Canvas) -> str:
    """Return a line for each pixel that is done: the two knobs, the verdict, and how fast."""
    xs, ys = ([short(value) for value in axis.values] for axis in (plan.x, plan.y))
    lines = [f"{plan.x.knob},{plan.y.knob},verdict,overflow step or log10 of final/first loss"]
    for i, j in np.argwhere(canvas.done):
        lines.append(f"{xs[j]},{ys[i]},{VERDICTS[canvas.codes[i, j]]},{canvas.pace[i, j]:.6g}")
    return "\n".join(lines) + "\n"
