"""Messages: claims, results, deferrals, frequency caps and suppressions."""
