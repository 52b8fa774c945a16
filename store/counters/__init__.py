"""Counts that outlive the rows they count."""
