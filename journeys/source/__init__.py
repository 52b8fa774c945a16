"""Parsing of files to documents: YAML and JSON with line numbers, and their errors."""
