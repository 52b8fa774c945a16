"""Forms that strangers fill in: whose each submission is, and what it may change."""
