"""Benchmarks of a large installation: a million contacts with ten million events."""
