"""What every route shares: keys, bodies, errors, times, middleware."""
