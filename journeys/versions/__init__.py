"""Differences between versions of a journey, and where runs go when they change version."""
