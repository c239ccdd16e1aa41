"""Sharpness, trace and density of a network's Hessian beside PyHessian's, on the same network and examples, in one run.

    python -m benchmarks.curvature

PyHessian (Yao et al. 2020, arXiv 1912.07145) is asked as its documentation does: the five largest eigenvalues by power iteration to its own
tolerance, and the trace and the density from as many products as ours. Its density calls torch.eig, which PyTorch has no more; torch.linalg
stands in for it. Both are held to one thread and begin with the gradient's graph, which PyHessian builds beforehand and ours each time. CPU
time, interleaved, the median ratio of the rounds; errors are against the eigenvalues of the whole matrix.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.bridges import of_torch
from benchmarks.report import duration, times
from explorer import density, top_eigenvalues, trace
from explorer.bridges import torch_loss
from explorer.core.theory.curvature import hessian

ROUNDS, K, PROBES, LANCZOS, LOOKS = 5, 5, 100, 50, 4


def without_eig(torch: Any) -> None:
    """Give PyHessian the function that it knows: eigenvalues as pairs of a real and an imaginary part, and eigenvectors."""

    def eig(matrix: Any, *, eigenvectors: bool) -> tuple[Any, Any]:
        values, vectors = torch.linalg.eigh(matrix)
        return torch.stack([values, torch.zeros_like(values)], 1), vectors

    torch.eig = eig


def spent(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def main() -> None:
    import torch
    from pyhessian import hessian as PyHessian  # noqa: N812 - a class of that name

    torch.set_num_threads(1)
    without_eig(torch)
    print(f"{'':<52} {'ours':>8} {'PyHessian':>10} {'ratio':>7}  errors: ours, PyHessian's")
    for name in ("CNN", "block"):
        model, loss_function, inputs, targets = of_torch(name)
        loss = torch_loss(model, loss_function, inputs, targets)
        exact = np.linalg.eigvalsh(hessian(loss, loss.start.astype(float)))[::-1]
        attention = torch.nn.attention
        with attention.sdpa_kernel(attention.SDPBackend.MATH):  # PyHessian stops at the fused form, which has no second derivative
            peer = PyHessian(model, loss_function, data=(inputs, targets), cuda=False)

        def eigenvalue_error(found: Any, exact: Any = exact) -> float:
            return float(np.abs(np.array(found) / exact[:K] - 1).max())

        def trace_error(found: float, exact: Any = exact) -> float:
            return abs(found / exact.sum() - 1)

        def moment_error(values: Any, weights: Any, exact: Any = exact) -> float:
            return abs(float((np.array(values) ** 2 * weights).sum() / len(values)) / (exact**2).mean() - 1)

        jobs = {
            f"the {K} largest eigenvalues": (
                lambda loss=loss: top_eigenvalues(loss, K)[0],
                lambda peer=peer: peer.eigenvalues(top_n=K)[0],
                eigenvalue_error,
                eigenvalue_error,
            ),
            f"the trace, {PROBES} products": (
                lambda loss=loss: trace(loss, probes=PROBES).value,
                lambda peer=peer: float(np.mean(peer.trace(maxIter=PROBES, tol=0))),
                trace_error,
                trace_error,
            ),
            f"the density, {LOOKS} × {LANCZOS} products (second moment)": (
                lambda loss=loss: density(loss, probes=LOOKS, products=LANCZOS),
                lambda peer=peer: peer.density(iter=LANCZOS, n_v=LOOKS),
                lambda found: moment_error(found.eigenvalues, found.weights),
                lambda found: moment_error(*found),
            ),
        }
        for job, (ours, theirs, our_error, their_error) in jobs.items():
            ours(), theirs()
            rounds = [(spent(ours), spent(theirs)) for _ in range(ROUNDS)]
            mine, others = np.median([[each[0] for each in pair] for pair in rounds], axis=0)
            ratio = float(np.median([pair[1][0] / pair[0][0] for pair in rounds]))
            errors = (f"{test(pair):.1e}" for test, pair in zip((our_error, their_error), (rounds[0][0][1], rounds[0][1][1]), strict=True))
            print(f"{name:<6}{job:<46} {duration(mine):>8} {duration(others):>10} {times(ratio):>6}×  {', '.join(errors)}")


if __name__ == "__main__":
    main()
