"""The code of a component, as the app serves it: a module by a name that changes with it, compressed once, kept by browsers for good.

Streamlit sends a component's code with the words of a page, to everybody anew: it gets one line that fetches this instead.
"""

import gzip
import hashlib
from dataclasses import dataclass, field
from functools import cached_property

MODULES = "assets/code"
"""Where the app serves them."""


@dataclass(frozen=True)
class Module:
    """A module of JavaScript by its name, whose default export is a component for Streamlit.

    >>> Module("empty", "export default () => {};").address
    'assets/code/empty-ad980a1140ff8e16.js'
    """

    name: str
    text: str = field(repr=False)

    @cached_property
    def version(self) -> str:
        """What its text alone has."""
        return hashlib.blake2b(self.text.encode(), digest_size=8).hexdigest()

    @property
    def address(self) -> str:
        """Where the app serves it, from the page that asks."""
        return f"{MODULES}/{self.name}-{self.version}.js"

    @cached_property
    def zipped(self) -> bytes:
        """Its text as it travels."""
        return gzip.compress(self.text.encode(), mtime=0)

    @property
    def fetched(self) -> str:
        """The code of a component that fetches it."""
        return f"const {{ default: made }} = await import(new URL('{self.address}', document.baseURI).href);\nexport default made;"
