"""Routes of statistics."""
