"""Retention: rows that are older than the settings allow are removed, page by page."""
