"""Ma, Bassily and Belkin 2018, arXiv 1712.06559: the best rate of a mini-batch of m examples, where all can be fitted.

It is m/(β + (m - 1)λ), β the largest squared length of an example, λ the largest curvature: as m at first, hardly growing beyond β/λ + 1.
"""

import numpy as np

from explorer import run

N, D, turns = 64, 8, np.outer(np.arange(64), np.arange(1, 5)) * (2 * np.pi / 64)
A = 2**0.5 * np.hstack([np.cos(turns), np.sin(turns)])  # (N, D): examples of the squared length D; λ = 1 in all directions


class Fit:
    """½ mean (a·x)² over rows of A."""

    dim, start, minimum, examples = D, np.ones(D), 0.0, N

    def __init__(self, rows=range(N)):
        self.on, a = Fit, A[rows]
        self.hvp = lambda x, v: a.T @ (a @ v) / len(a)
        self.value = lambda x: ((a @ x) ** 2).mean(axis=0) / 2
        self.value_and_gradient = lambda x: (self.value(x), self.hvp(x, x))


for m in (1, 2, D + 1, N):
    rates = (paper := m / (D + m - 1)) * np.linspace(0.5, 1.5, 11)
    lengths = [run(Fit(), "gradient_descent", rates, steps=200, batch_size=m, replacement=True, seed=k).gradient_norm for k in range(60)]
    bend, slope, _ = np.polyfit(rates, np.mean([(each[1:] / each[:-1]) ** 2 for each in lengths], axis=(0, 1)), 2)
    print(f"best rate of {m}: paper: {paper:.4f}, here: {-slope / (2 * bend):.4f}, within 0.03: 12,000 batches drawn")
