"""Libraries that only some people need: the line to type where one is missing."""

import contextlib
import importlib.util
from collections.abc import Iterator


@contextlib.contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Say of an import that fails within it which line installs the library: `what` needs it, and the extra of this name brings it.

    Raises ModuleNotFoundError, with that sentence.

    >>> with needs("formula", 'the loss "formula"'):
    ...     import no_such_library
    Traceback (most recent call last):
    ModuleNotFoundError: the loss "formula" needs no_such_library: pip install "divergence-explorer[formula]"
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{what} needs {error.name}: pip install "divergence-explorer[{extra}]"', name=error.name) from None


def has(library: str) -> bool:
    """Return whether a library is installed, without importing it.

    >>> has("numpy"), has("no_such_library")
    (True, False)
    """
    return importlib.util.find_spec(library) is not None
