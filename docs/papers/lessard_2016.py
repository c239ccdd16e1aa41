"""Lessard, Recht and Packard 2016, arXiv 1408.3595, section 4.6: the best heavy ball for quadratics cycles on a convex function.

The slope is 25x below 1, x + 24 up to 2 and 25x - 24 beyond, so the curvature lies between 1 and 25, for which the rate 1/9 and the
momentum 4/9 are the best on quadratics. From 3.3 they end in the cycle 792, -2208, 2592, each over 1225.
"""

import numpy as np

from explorer import OPTIMIZERS, from_function, judge, run


def convex(x):
    """Return the value and the slope at one point."""
    below, above = x - 1, x - 2
    value = 12.5 * x**2 - 12 * x - 6 * below * abs(below) + 6 * above * abs(above) + 18
    return value[0], 25 * x - 12 - 12 * abs(below) + 12 * abs(above)


path = run(from_function(convex, start=[3.3]), OPTIMIZERS["momentum"](momentum=4 / 9), 1 / 9, steps=300)
for paper, here in zip((-2208, 792, 2592), np.sort(path.x[-3:, 0, 0]), strict=True):
    print(f"in the cycle: paper: {paper / 1225:.12f}, here: {here:.12f}, within 1e-10: after 300 steps only rounding is left")
turns = [int(abs(path.x[-1] - path.x[-1 - period]).max() < 1e-9) for period in (1, 2, 3)].index(1) + 1
print(f"period: paper: 3, here: {turns}, within 0: a whole number; in a word: {judge(path).verdict[0]}")
