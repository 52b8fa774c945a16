"""What readers see: lists of runs and statistics."""
