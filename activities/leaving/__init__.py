"""Exits and the end of a run."""
