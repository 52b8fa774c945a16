"""Segments: their conditions."""
