"""What a result shows of itself: a line in a terminal, a sentence with a small picture in a notebook, a figure, a table.

A result knows its words and its columns. What draws it lies floors above, and needs an extra, so it is imported by its name (`DRAWS`) when
somebody asks; nothing here knows Plotly.
"""

import importlib
from html import escape
from textwrap import shorten
from typing import Any

import numpy as np

from explorer.core.ground.extras import needs
from explorer.core.ground.prose import plain

DRAWS = "explorer.site.displayed"
"""The module above that draws: `plotted(result)` is a Plotly figure, `html(result)` a sentence with a small picture."""

WIDEST = 180
"""Characters of a result's line in a terminal, at most."""


class Drawable:
    """What has a picture."""

    def plot(self) -> Any:
        """Return a Plotly figure of it: that of the app, with a slider where the app has one, in the colors of a light page.

        Raises ModuleNotFoundError, with the line to type, where Plotly is not installed, and what `explorer.site.write_html` raises.
        """
        with needs("plot", f"{type(self).__name__}.plot()"):
            above = importlib.import_module(DRAWS)
        return above.plotted(self)


class Told:
    """A result by its words: what has a `summary` is printed and made a table of; `to_columns` if it has more than a row."""

    def summary(self) -> str:
        """Return what was found in a sentence or two, with the numbers that matter."""
        raise NotImplementedError

    def to_columns(self) -> dict[str, Any]:
        """Return the columns of `to_frame` by name: of a result without arrays one row, of its numbers and words."""
        return {name: [each] for name, each in vars(self).items() if each is None or isinstance(each, str | bool | int | float)}

    def __repr__(self) -> str:
        return shorten(f"<{type(self).__name__}: {self.summary()}", WIDEST, placeholder=" …") + ">"

    def _repr_html_(self) -> str:
        """Return what Jupyter shows: the sentence."""
        return f"<p>{escape(self.summary())}</p>"

    def to_frame(self) -> Any:
        """Return a pandas DataFrame of it.

        Raises ModuleNotFoundError, with the line to type, where pandas is not installed.
        """
        with needs("frame", f"{type(self).__name__}.to_frame()"):
            import pandas as pd
        return pd.DataFrame(self.to_columns())


class Displayed(Told, Drawable):
    """A result that has a picture, too."""

    def _repr_html_(self) -> str:
        """Return what Jupyter shows: the sentence, and where Plotly is installed a small picture."""
        try:
            above = importlib.import_module(DRAWS)
        except ModuleNotFoundError:
            return super()._repr_html_()
        return str(above.html(self))


def span(values: Any, *, digits: int = 3) -> str:
    """Return the range of the finite numbers among some in words.

    >>> span([0.5, 0.1, float("inf")]), span(2.0), span([float("nan")])
    ('0.1 to 0.5', '2', 'not finite')
    """
    values = np.asarray(values, dtype=float)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "not finite"
    low, high = (plain(float(each), digits) for each in (finite.min(), finite.max()))
    return low if low == high else f"{low} to {high}"
