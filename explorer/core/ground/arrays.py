"""The one word for an array of numbers, and how far its type rounds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LARGEST = float(np.finfo(float).max)


def rounding_of(values: NDArray[Any]) -> float:
    """Return the ε of an array's type, that of float64 for integers: they are computed with as such.

    >>> rounding_of(np.ones(2, np.float16)), rounding_of(np.ones(2, int))
    (0.0009765625, 2.220446049250313e-16)
    """
    return float(np.finfo(values.dtype if values.dtype.kind == "f" else float).eps)
