"""Runs that move to another version of their journey."""
