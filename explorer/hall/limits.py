"""How much one address may ask for: the rest is refused with a sentence. Kept in memory only, so no address is written down."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

MOST_KEPT = 10_000  # addresses that one limit remembers; who asked longest ago is forgotten, and has all of the limit again


class Limit:
    """A number of requests at once, and then a number a second: a token bucket for each key.

    >>> clock = iter([0.0, 0.0, 0.0, 0.5]).__next__
    >>> limit = Limit(2, 2.0, clock)
    >>> [limit.wait("10.0.0.7") for _ in range(4)]
    [0.0, 0.0, 0.5, 0.0]
    """

    def __init__(self, at_once: int, a_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.at_once, self.a_second, self._clock = at_once, a_second, clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, key: Hashable) -> float:
        """Return the seconds until one more request of that key is within the limit: 0 where it is already, and then it counts."""
        now = self._clock()
        left, at = self._left.pop(key, (float(self.at_once), now))
        left = min(left + (now - at) * self.a_second, self.at_once)
        self._left[key] = (left - 1 if left >= 1 else left), now
        if len(self._left) > MOST_KEPT:
            self._left.popitem(last=False)
        return max(1 - left, 0.0) / self.a_second
