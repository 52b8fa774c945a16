"""The real engine on a skipped clock."""
