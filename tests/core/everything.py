"""What the core does, once each, in numbers: run where nothing but numpy, scipy and plotly is there, as in a browser, it must say the same.

`tests/test_pyodide.py` runs it with what Pyodide lacks forbidden; `docs/pyodide.md` says how it was run under Pyodide itself.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np


def everything() -> dict[str, Any]:
    """Run each door of the core on something small, and return what came of it."""
    import explorer
    from explorer.core.networks.training import train
    from explorer.core.run.race import Race, Racer
    from explorer.site import write_html

    setup = explorer.Setup("network", "momentum", 0.05, steps=40, knobs=SPIRALS)
    loss, rule, ravine = setup.make_loss(), setup.make_optimizer(), explorer.LOSSES["quadratic"](eigenvalues=(1, 10))
    descent = explorer.OPTIMIZERS["gradient_descent"]()
    outcome = explorer.judge(explorer.run(ravine, descent, [0.1, 0.2, 0.5], start=(1, 1), steps=300))
    rates = np.geomspace(1e-3, 1e2, 24)
    swept = explorer.sweep(loss, rule, rates, steps=40, batch_size=16, tile=5)
    plan = explorer.Map(explorer.Setup("x_squared", "momentum"), *(explorer.Axis(*each, count=12) for each in AXES))
    canvas = explorer.Canvas.blank(plan)
    shares = list(explorer.render(plan, canvas))
    race = Race(setup, tuple(Racer(name, 0.05) for name in ("gradient_descent", "adam", "lion")))
    *_, history = train(replace(setup, learning_rate=0.5))
    overflowing = explorer.Setup("quadratic", learning_rate=3.0, steps=400).run()
    with tempfile.TemporaryDirectory() as folder:
        pages = [write_html(each, Path(folder) / f"{i}.html").stat().st_size for i, each in enumerate((setup, plan, swept, history))]
        log = explorer.read_log("step,loss\n" + "\n".join(f"{i},{2.0**i}" for i in range(12)))
        held = explorer.Canvas.open(Path(folder) / "map.bin", plan)
        *_, again = explorer.render(plan, held)
    return {
        "edge": explorer.critical_learning_rate(ravine, descent),
        "found": [round(each, 3) for each in explorer.find_edge(ravine, descent, 0.1, 1.0, steps=200, precision=1e-3)],
        "run": [str(each) for each in outcome.verdict] + outcome.first_nonfinite.tolist(),
        "sweep": [str(each) for each in swept.verdict],
        "map": [shares[-1], again, canvas.codes.tolist()],
        "race": [str(explorer.judge(each).verdict[0]) for each in race.run()],
        "network": f"{history.train[-1]:.6f}",
        "sharpness": f"{explorer.sharpness(loss):.6f}",
        "diagnosis": explorer.diagnose(log).sentence,
        "gradient": explorer.check_gradient(ravine).summary(),
        "safe": f"{explorer.safe_rate(ravine).rate:.6f}",
        "nan": explorer.why_nan(overflowing).sentence,
        "pages": [size > 500_000 for size in pages],
    }


SPIRALS = {"loss.data": "spirals"}  # which no other library draws
AXES = (("learning_rate", 0, 2), ("optimizer.momentum", 0, 1))

if __name__ == "__main__":
    json.dump(everything(), sys.stdout)
