"""Sohl-Dickstein 2024, arXiv 2402.06184: the border between rates that train and rates that diverge is a fractal.

Its box dimension is 1.17 to 1.98 in the paper's six conditions; a smooth border has 1. Here: a tanh network, 16 wide, on 16 examples.
"""

import sys

import numpy as np

from explorer import sweep

PIXELS = int(sys.argv[1]) if len(sys.argv) > 1 else 128  # a multiple of 8


def lost(rates):
    """Return whether runs at these rates of the two layers, (2, runs), diverge."""
    rates = np.repeat(rates, [256, 16], axis=0)
    return sweep("random_network", "gradient_descent", np.ones(rates.shape[1]), steps=300, rate_scale=rates).verdict == "diverged"


line, sizes, found = np.array([[40.0, 40.0], [20.0, 1000.0]]), np.array([1, 2, 4, 8]), []
while np.ptp(line[1]) > 1e-9:  # to a point of the border at the first layer's rate 40
    tried = np.linspace(line[:, 0], line[:, 1], 17, axis=1)
    line = tried[:, (at := np.flatnonzero(np.diff(lost(tried)))[0]) : at + 2]
for width in (1e-2, 1e-3, 1e-4, 1e-5):
    d = lost(line[:, :1] * (1 + width * np.indices((PIXELS + 1,) * 2).reshape(2, -1) / PIXELS - width / 2)).reshape(PIXELS + 1, -1)
    edge = (d[1:, 1:] != d[:-1, :-1]) | (d[1:, :-1] != d[:-1, 1:])
    boxes = [edge.reshape(PIXELS // s, s, -1, s).any(axis=(1, 3)).sum() for s in sizes]
    found.append(-np.polyfit(np.log(sizes), np.log(boxes), 1)[0])
print(f"box dimension: paper: 1.17 to 1.98, here: {np.median(found):.2f}, the median of {np.round(found, 2)}")
