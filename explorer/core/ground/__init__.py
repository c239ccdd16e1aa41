"""What everything stands on: knobs and shelves, numbers in words, threads and processes. Knows nothing of losses."""
