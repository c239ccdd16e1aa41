"""JavaScript as the app serves it: by a name that changes with it, compressed once, kept by browsers for good.

Streamlit sends a component's code with the words of a page, to everybody anew: it gets one line that fetches a `Module` instead.
"""

import gzip
import hashlib
from dataclasses import dataclass, field
from functools import cached_property

MODULES = "assets/code"  # where the app serves them


CALLED = """
const ends = new WeakMap();
export default (given) => {
  const place = given.parentElement, call = setTimeout(() => ends.set(place, %s(given)));
  return () => {
    clearTimeout(call);
    if (!place.isConnected) ends.get(place)?.();
  };
};
"""
"""Where a page goes on while the code is fetched, Streamlit makes a call for each state of the page, in any order, and at once ends all
but that of the last state: those are not heard. What is there ends when its place has left the page."""


AT_ONCE = "//# allFunctionsCalledOnLoad\n"
"""Has V8 compile all functions while it reads the file, beside what the page does; else it reads each again when it is called first."""


@dataclass(frozen=True)
class Code:
    """JavaScript of a name."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def served(self) -> str:
        """The text as a browser reads it."""
        return AT_ONCE + self.text

    @cached_property
    def version(self) -> str:
        """What its text alone has."""
        return hashlib.blake2b(self.served.encode(), digest_size=8).hexdigest()

    @property
    def address(self) -> str:
        """Where the app serves it, from the page that asks."""
        return f"{MODULES}/{self.name}-{self.version}.js"

    @cached_property
    def zipped(self) -> bytes:
        """Its text as it travels."""
        return gzip.compress(self.served.encode(), mtime=0)


@dataclass(frozen=True)
class Module(Code):
    """A module of JavaScript with a function of its name, which is a component for Streamlit and may return how it ends.

    >>> Module("empty", "function empty() {}").address.partition("-")[0]
    'assets/code/empty'
    """

    @cached_property
    def served(self) -> str:
        """The module, whose default export is the component."""
        return super().served + CALLED % self.name

    @property
    def fetched(self) -> str:
        """The code of a component that fetches it."""
        address = f"new URL('{self.address}', document.baseURI).href"
        return f"const code = import({address});\nexport default async (given) => (await code).default(given);"
