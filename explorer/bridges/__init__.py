"""Models of PyTorch and JAX as losses: everything that takes a loss takes yours. Neither library is imported before it is needed."""

from explorer.bridges.jax import jax_loss
from explorer.bridges.torch import torch_loss

__all__ = ["jax_loss", "torch_loss"]
