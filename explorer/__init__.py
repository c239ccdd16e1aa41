"""Where the learning rate stops working, what happens there, and why: for any loss and any optimizer.

The public names are those of `explorer.core.doors`, imported when the first of them is asked for: `import explorer` itself costs nothing.
"""

from typing import TYPE_CHECKING, Any

__version__: str

if TYPE_CHECKING:
    from explorer.core.doors import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        """Return a public name (PEP 562), or the version that is installed."""
        if name == "__version__":
            from importlib.metadata import version

            return version("divergence-explorer")
        from explorer.core import doors

        if name == "__all__" or name in doors.__all__:
            return getattr(doors, name)
        raise AttributeError(f"module 'explorer' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return [*__getattr__("__all__"), "__version__"]
