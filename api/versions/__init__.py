"""Versions in flight: policies of callers, jobs, previews."""
