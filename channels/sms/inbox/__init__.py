"""Text messages kept in a file, for development."""
