"""From PostgreSQL to Temporal: entries, wakes, due times and reconciliation."""
