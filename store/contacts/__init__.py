"""Rows of contacts: locked, read, merged and erased."""
