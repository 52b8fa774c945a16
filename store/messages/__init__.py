"""Messages: claims, outcomes, deferrals, caps and suppressions."""
