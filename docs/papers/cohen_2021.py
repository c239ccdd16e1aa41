"""Cohen et al. 2021, arXiv 2103.00065: trained on all data, a network sharpens up to 2/η and hovers there while its loss falls.

The abstract has the 2/η; for momentum the paper's threshold is that of a quadratic, (2 + 2β)/η.
"""

import numpy as np

from explorer import LOSSES, OPTIMIZERS, run, sharpness

net = LOSSES["network"](hidden=(12,), data="waves", examples=20, noise=0, activation="tanh", initialization="pytorch", half=False)
for name, rule, rate, edge in (
    ("gradient descent", "gradient_descent", 0.2, 2),
    ("momentum 0.5", OPTIMIZERS["momentum"](momentum=0.5), 0.25, 3),
):
    path = run(net, rule, rate, steps=12_000)
    late = path.x[9000::60, :, 0].T
    hovers = np.median(sharpness(net, late)) * rate
    rises = (np.diff(path.loss[:, 0]) > 0).mean()
    print(f"{name}: the loss falls from {path.loss[0, 0]:.3g} to {path.loss[-1, 0]:.3g}, rising at {rises:.0%} of the steps")
    print(f"{name}: sharpness · η: paper: {edge}, here: {hovers:.3f}, within 0.02: it hovers, by a percent here")
