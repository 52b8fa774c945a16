"""From PostgreSQL to Temporal: entries, wakes and the sweep."""
