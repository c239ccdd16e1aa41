"""Twenty visitors at once, for half a minute: everybody is answered, and nobody meets an error."""

from __future__ import annotations

import asyncio
import statistics

from benchmarks.load import crowd, server


def test_twenty_visitors_at_once_are_all_answered(record_property: object) -> None:
    assert callable(record_property)
    with server() as address:
        alone = asyncio.run(crowd(address, 1, 12))
        many = asyncio.run(crowd(address, 20, 30, training=3))
    assert not alone.errors + many.errors
    assert len(many.opened) == 20
    assert len(many.released) >= 20
    assert many.health
    record_property("release, times that of one visitor", statistics.median(many.released) / statistics.median(alone.released))
