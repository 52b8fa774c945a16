"""Waits of runs: their plans, their visits and their listeners."""
