"""Goh 2017, "Why Momentum Really Works", distill, doi 10.23915/distill.00006: the best rates on a quadratic, and momentum's edge.

With κ = λₙ/λ₁: 2/(λ₁ + λₙ), whose factor per step is (κ - 1)/(κ + 1); with the momentum ((√κ - 1)/(√κ + 1))² the rate (2/(√λ₁ + √λₙ))²,
whose factor is (√κ - 1)/(√κ + 1); and with any momentum β the rates below (2 + 2β)/λₙ hold.
"""

import numpy as np

from explorer import LOSSES, OPTIMIZERS, find_edge, run

KAPPA, BOWL = 25, LOSSES["quadratic"](eigenvalues=(1, 25))


def factors(rule, rates, steps=800):
    """Return by which factor a step shrinks the slowest mode, over the second half of the steps, (runs,)."""
    x = run(BOWL, rule, rates, steps=steps).x
    length = np.hypot(x[1:], x[:-1])  # of two points, for a mode may pass through 0
    return ((length[-1] / length[steps // 2 - 1]) ** (2 / steps)).max(axis=0)


plain, root = factors("gradient_descent", rates := np.linspace(0.06, 0.079, 1901)), (KAPPA**0.5 - 1) / (KAPPA**0.5 + 1)
print(f"best rate: paper: {2 / (1 + KAPPA):.6f}, here: {rates[plain.argmin()]:.6f}, within 2e-4: those tried are 1e-5 apart")
print(f"its factor: paper: {(KAPPA - 1) / (KAPPA + 1):.6f}, here: {plain.min():.6f}, within 1e-4: as the rate")
pairs = np.array(np.meshgrid(np.linspace(0.4, 0.5, 41), np.linspace(0.1, 0.12, 41))).reshape(2, -1)
heavy = factors(OPTIMIZERS["momentum"](momentum=pairs[0]), pairs[1])
momentum, rate = pairs[:, heavy.argmin()]
print(f"best momentum: paper: {root**2:.6f}, here: {momentum:.6f}, within 0.006: those tried are 0.0025 apart")
print(f"its rate: paper: {4 / (1 + KAPPA**0.5) ** 2:.6f}, here: {rate:.6f}, within 0.005: those tried are 0.0005 apart")
print(f"its factor: paper: {root:.6f}, here: {heavy.min():.6f}, within 0.005: a double root shrinks as t rootᵗ")
print(f"edge at 0.9: paper: {3.8 / KAPPA:.6f}, here: {find_edge(BOWL, 'momentum', 0.1, 1.0)[0]:.6f}, within 1e-3: 1000 steps")
