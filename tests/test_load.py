"""Twenty visitors at once, who release the ruler three times each: everybody is answered, and nobody meets an error."""

from __future__ import annotations

import asyncio
import statistics
from concurrent.futures import ThreadPoolExecutor

from benchmarks.load import Visit, crowd, server


def test_twenty_visitors_at_once_are_all_answered(record_property: object) -> None:
    assert callable(record_property)
    with server() as address, ThreadPoolExecutor(1) as apart:  # in the main thread a browser that was driven before has left a loop
        alone = apart.submit(asyncio.run, crowd(address, 1, Visit(0, least=3, pace=0))).result()
        many = apart.submit(asyncio.run, crowd(address, 20, Visit(0, least=3, pace=0.05), training=3)).result()
    assert not alone.errors + many.errors
    assert len(many.opened) == 20
    assert len(many.released) == 3 * 20
    assert many.health
    record_property("release, times that of one visitor", statistics.median(many.released) / statistics.median(alone.released))
