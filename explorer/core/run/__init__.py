"""What runs: the loop, its input, many runs at once, and the search for the rate at which they break."""
