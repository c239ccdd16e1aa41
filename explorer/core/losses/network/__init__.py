"""Neural networks: layers, activations, initializations and objectives, each one definition, put together as a loss."""

from explorer.core.losses.network.model import Network
from explorer.core.losses.network.shelf import network

__all__ = ["Network", "network"]
