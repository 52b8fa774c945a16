"""A folder a channel: adapters that send, and that understand what comes back."""
