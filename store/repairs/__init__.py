"""Repairs of runs by operators: retry, skip, go to, exit and cancel, each with who and why."""
