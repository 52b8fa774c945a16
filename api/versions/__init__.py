"""Runs in flight of other versions: policies of callers, jobs and previews."""
