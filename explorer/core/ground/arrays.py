"""The one word for an array of numbers."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LARGEST = float(np.finfo(float).max)
