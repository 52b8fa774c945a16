"""Temporal workflows: they decide when things happen, and activities do them."""
