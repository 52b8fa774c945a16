"""Routes of jobs, health and metrics."""
