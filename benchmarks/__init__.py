"""Benchmarks of the engine against bare workflows and routes: `python -m benchmarks`."""
