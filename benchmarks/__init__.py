"""What the engine costs, against the least that would do the same: `python -m benchmarks`."""
