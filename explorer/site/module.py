"""The code of a component, as the app serves it: a module by a name that changes with it, compressed once, kept by browsers for good.

Streamlit sends a component's code with the words of a page, to everybody anew: it gets one line that fetches this instead.
"""

import gzip
import hashlib
from dataclasses import dataclass, field
from functools import cached_property

MODULES = "assets/code"
"""Where the app serves them."""


LASTING = """
const latest = new WeakMap();
export default (given) => {
  const call = {}, end = %s(given);
  latest.set(given.parentElement, call);
  return () => latest.get(given.parentElement) === call && end?.();
};
"""
"""Only the latest call for an element ends what is there. Where a page goes on while the code is fetched, Streamlit makes a call for each
state of the page at once, and then ends all but the last."""


@dataclass(frozen=True)
class Module:
    """A module of JavaScript with a function of its name, which is a component for Streamlit and may return how it ends.

    >>> Module("empty", "function empty() {}").address.partition("-")[0]
    'assets/code/empty'
    """

    name: str
    text: str = field(repr=False)

    @cached_property
    def served(self) -> str:
        """The module, whose default export is the component."""
        return self.text + LASTING % self.name

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

    @property
    def fetched(self) -> str:
        """The code of a component that fetches it."""
        return f"const {{ default: made }} = await import(new URL('{self.address}', document.baseURI).href);\nexport default made;"
