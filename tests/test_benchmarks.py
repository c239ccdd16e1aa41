"""What `benchmarks.jobs` compares computes the same numbers."""

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: it comes with the extra `bench`")
pytest.importorskip("jax", reason="jax is not installed: it comes with the extra `bench`")

from benchmarks import peers

TASKS = {
    "gradient descent": lambda: peers.quadratic(3, 4, 20),
    "by a matrix": lambda: peers.quadratic(3, 4, 20, by_matrix=True),
    "Adam": lambda: peers.quadratic(3, 4, 20, "adam"),
    "full batch": lambda: peers.network(4, 20, "float64"),
    "mini-batches": lambda: peers.network(4, 20, "float64", batch_size=16),
    "digits": lambda: peers.digits(2, 3, "float64", batch_size=8),
    "a map": lambda: peers.fractal(2, 20, "float64", examples=5),
    "single precision": lambda: peers.fractal(2, 20, "float32", examples=5),
}

PEERS = {
    "a loop of torch.optim": lambda task: peers.torch_optim(task, range(task.runs)),
    "torch.func.vmap": peers.torch_vmap,
    "JAX": peers.jax_scan,
    "JAX without losses": lambda task: peers.jax_scan(task, keeps_losses=False),
}


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS.keys())
@pytest.mark.parametrize("make", TASKS.values(), ids=TASKS.keys())
def test_a_peer_ends_where_ours_does(make: Callable[[], peers.Task], peer: Callable[[peers.Task], peers.Call]) -> None:
    task = make()
    if task.rule == "adam" and peer is peers.torch_vmap:
        pytest.skip("torch.func has no Adam")
    np.testing.assert_allclose(peer(task)(), peers.ours(task)(), rtol=1e-9 if task.dtype == "float64" else 1e-4)
