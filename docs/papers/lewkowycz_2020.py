"""Lewkowycz et al. 2020, arXiv 2003.02218: two linear layers are thrown to flatter ground at rates between 2/λ₀ and 4/λ₀.

Below 2/λ₀, with λ₀ the curvature at the start, the loss falls from the first step on; between, it first rises and ends where λ < 2/η;
beyond 4/λ₀ it diverges. That is exact for infinite width: here it is 2,500.
"""

import numpy as np

from explorer import LOSSES, find_edge, run, sharpness, sweep

layers = LOSSES["uv"](width=2_500)
curvature = sharpness(layers, layers.start)

tried = np.linspace(1.5, 2.5, 101)  # rates in units of 1/λ₀
risen = sweep(layers, "gradient_descent", tried / curvature, steps=200)
first = tried[risen.peak_loss > risen.start_loss * (1 + 1e-9)].min()
print(f"the loss rises above ηλ₀ =: paper: 2, here: {first:.3f}, within 0.02: 1/√width, and rates tried 0.01 apart")
_, broken = find_edge(layers, "gradient_descent", 3 / curvature, 5 / curvature, steps=500, precision=1e-3)
print(f"it diverges above ηλ₀ =: paper: 4, here: {broken * curvature:.3f}, within 0.02: 1/√width")

thrown = np.array([2.2, 2.6, 3.0, 3.4, 3.8])
ends = run(layers, "gradient_descent", thrown / curvature, steps=150).x[-1]
settled = sharpness(layers, ends) * thrown / curvature
print("between, ηλ at the end:", *settled.round(2))
print(f"of them below 2: paper: {len(thrown)}, here: {(settled < 2).sum()}, within 0: every one")
