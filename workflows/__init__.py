"""Temporal workflows: when things happen to a run."""
