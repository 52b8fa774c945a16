"""Simulation: the real engine on a clock that skips waiting times."""
