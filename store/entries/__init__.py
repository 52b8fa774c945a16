"""Entries: admission of runs, and starts by API."""
