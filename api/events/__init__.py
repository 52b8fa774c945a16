"""Routes of events: what came of them, and what was rejected."""
