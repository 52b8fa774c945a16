"""Goals of runs."""
