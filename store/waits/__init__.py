"""Waits of runs: when they end, and what they listen for."""
