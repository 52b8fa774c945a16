"""Holdouts: which are in force, whom they keep out, and what came of those that they compare."""
